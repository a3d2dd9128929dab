"""Where a request comes from: this site's own pages, another's, or a program; and by what name it reached us."""

from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from starlette.requests import Request


def host_of(address: str) -> str:
    """The host of a URL or of a `Host` header, in lower case; empty where there is none."""
    try:
        return (urlsplit(address if "//" in address else f"//{address}").hostname or "").rstrip(".")
    except ValueError:
        return ""


def is_loopback(host: str) -> bool:
    """Whether a host can be nothing but this machine: `localhost` (RFC 6761) or a loopback address."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def origin_of(url: str) -> str:
    """Scheme, host and port of a URL, as browsers write them in `Origin` (RFC 6454); empty where there is none."""
    try:
        parts = urlsplit(url.lower())
    except ValueError:
        return ""
    netloc = parts.netloc.removesuffix({"http": ":80", "https": ":443"}.get(parts.scheme, ":"))
    return f"{parts.scheme}://{netloc}" if parts.scheme and netloc else ""


def own_page(request: "Request", known: str) -> bool | None:
    """Whether a page of this site sent it, by what browsers say and no page can change; None where nothing is said.

    `known` is this site's origin as people know it: a proxy may have put another host into the request.
    """
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    origin = request.headers.get("origin")
    if origin is None:
        return None
    sent_to = request.headers.get("host", "none")
    return origin.lower() in {known, f"http://{sent_to}".lower(), f"https://{sent_to}".lower()} - {""}
