"""A proxy in front: whom it names, for whom it speaks, and whether it was spoken to over TLS."""

from contextlib import suppress
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING, NamedTuple

from sidekick.control.access.origin import host_of
from sidekick.control.access.settings import ProxySettings

if TYPE_CHECKING:
    from starlette.requests import Request

_PROXIES = {"forwarded", "via", "x-real-ip"}
"""Headers by which proxies say that they are one, beside those that begin with `X-Forwarded-`."""
_MOST_NAME = 200


class Named(NamedTuple):
    name: str
    may_change: bool


class TrustedProxy:
    """Whatever its headers say counts only in requests from its own addresses."""

    def __init__(self, settings: ProxySettings) -> None:
        self._settings = settings
        self._networks = [ip_network(network) for network in settings.networks]

    def named(self, request: "Request") -> Named | None:
        """Who is logged in there."""
        settings = self._settings
        if not self._is_ours(_peer(request)):
            return None
        name = _only(request, settings.header)[:_MOST_NAME]
        if not name:
            return None
        groups = {group.strip() for group in _only(request, settings.groupsheader).split(",")}
        return Named(name, name in settings.admins or not groups.isdisjoint(settings.admingroups))

    def address(self, request: "Request") -> str:
        """The client's: the last that the proxy was spoken to by."""
        address = _peer(request)
        hops = ",".join(request.headers.getlist("x-forwarded-for")).split(",")
        while self._is_ours(address) and hops and (hop := _address(hops.pop().strip())):
            address = hop
        return address

    def over_tls(self, request: "Request") -> bool:
        if request.url.scheme == "https":
            return True
        return self._is_ours(_peer(request)) and request.headers.get("x-forwarded-proto", "") == "https"

    def _is_ours(self, address: str) -> bool:
        try:
            parsed = ip_address(address.partition("%")[0])
        except ValueError:
            return False
        parsed = getattr(parsed, "ipv4_mapped", None) or parsed
        return any(parsed in network for network in self._networks)


def came_through(request: "Request") -> bool:
    """Whether a proxy sent it on, by its headers, or as nginx does unasked; `curl -0` does not close by name."""
    headers = request.headers
    if request.scope.get("http_version") == "1.0" and headers.get("connection", "").lower() == "close":
        return True
    return any(name in _PROXIES or name.startswith("x-forwarded-") for name in headers)


def _address(hop: str) -> str:
    """Of one hop, without the port that some proxies add; empty where it is none."""
    for text in (hop, host_of(hop)):
        with suppress(ValueError):
            return str(ip_address(text))
    return ""


def _only(request: "Request", header: str) -> str:
    """What that header says; nothing where it stands there twice, for one of them came from outside."""
    found = request.headers.getlist(header) if header else []
    return found[0].strip() if len(found) == 1 else ""


def _peer(request: "Request") -> str:
    return request.client.host if request.client else ""
