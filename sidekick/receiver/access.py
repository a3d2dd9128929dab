"""Who may send: by a token in the URL or a header, or by a client certificate, and from which networks.

Falco's http_output sends no header of one's choice, so its token stands in the URL. A token is looked up by its digest
under a key that each process makes anew: how long that takes says nothing of the tokens that there are.
"""

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any, NamedTuple

import httptools

from sidekick.receiver.answers import NETWORK, TOKEN_MISSING, TOKEN_UNKNOWN, Refusal
from sidekick.receiver.paths import Target
from sidekick.receiver.settings import ReceiverSettings

_IN_PATH = re.compile(rb"/in/([^/]+)$")
_IN_QUERY = re.compile(rb"(?:^|&)token=([^&]+)")
_IN_HEADER = re.compile(rb"(?i:bearer) +(\S+)")


class Networks:
    """Where something is allowed from; none named is everywhere."""

    def __init__(self, networks: Iterable[str]) -> None:
        self._networks: list[IPv4Network | IPv6Network] = [ip_network(text) for text in networks]

    def admit(self, peer: "Peer") -> bool:
        return not self._networks or (peer.address is not None and any(peer.address in one for one in self._networks))


@dataclass(frozen=True)
class Sender:
    """Who a request comes from."""

    name: str
    fields: Mapping[str, str]
    """What its alerts carry, whatever they say themselves."""
    networks: Networks


ANYBODY = Sender("", {}, Networks(()))
"""The sender where none is configured."""


class Peer:
    """The other end of a connection; `host` and `certificate` as the socket gives them."""

    def __init__(self, host: str, certificate: Mapping[str, Any] | None) -> None:
        self._host = host
        self._certificate = certificate or {}

    @cached_property
    def address(self) -> IPv4Address | IPv6Address | None:
        """IPv4 behind IPv6's mapping is IPv4. None for a socket without an address."""
        try:
            address = ip_address(self._host)
        except ValueError:
            return None
        return getattr(address, "ipv4_mapped", None) or address

    @cached_property
    def names(self) -> list[str]:
        """Common names of the verified certificate."""
        return [value for part in self._certificate.get("subject", ()) for key, value in part if key == "commonName"]


class Admission(NamedTuple):
    """What became of a request at the door."""

    sender: Sender = ANYBODY
    refusal: Refusal | None = None
    lasting: bool = True
    """The same URL on the same connection would fare the same."""


class Access:
    """Decides by the settings; without senders and networks everybody may enter."""

    def __init__(self, settings: ReceiverSettings) -> None:
        self._key = os.urandom(32)
        self._networks = Networks(settings.networks)
        named = [(Sender(name, one.fields, Networks(one.networks)), one) for name, one in settings.senders.items()]
        self._by_token = {
            self._digest(token.encode()): sender for sender, one in named if (token := one.token.get_secret_value())
        }
        self._by_certificate = {one.certificate: sender for sender, one in named if one.certificate}
        self.closed = bool(named)
        """Only known senders may send."""

    def enter(self, target: Target, url: bytes, headers: Iterable[tuple[bytes, bytes]], peer: Peer) -> Admission:
        """Lets a request in, or says why not; pages that make no alert are open to all of `receiver.networks`."""
        if not self._networks.admit(peer):
            return Admission(refusal=NETWORK, lasting=False)
        if not self.closed or target is Target.PAGE:
            return Admission()
        admission = self._identified(url, headers, peer)
        return admission if admission.sender.networks.admit(peer) else Admission(refusal=NETWORK, lasting=False)

    def _identified(self, url: bytes, headers: Iterable[tuple[bytes, bytes]], peer: Peer) -> Admission:
        known = self.of_certificate(peer)
        if known:
            return Admission(known)
        token, lasting = token_of_url(url), True
        if token is None:
            token, lasting = _token_of_headers(headers), False
        if token is None:
            return Admission(refusal=TOKEN_MISSING, lasting=False)
        sender = self.of_token(token)
        return Admission(sender, lasting=lasting) if sender else Admission(refusal=TOKEN_UNKNOWN, lasting=False)

    def of_certificate(self, peer: Peer) -> Sender | None:
        return next((self._by_certificate[name] for name in peer.names if name in self._by_certificate), None)

    def of_token(self, token: bytes) -> Sender | None:
        return self._by_token.get(self._digest(token))

    def _digest(self, token: bytes) -> bytes:
        return blake2b(token, key=self._key).digest()


def token_of_url(url: bytes) -> bytes | None:
    """`/in/TOKEN` at the path's end, or `?token=TOKEN`."""
    parsed = httptools.parse_url(url)
    found = _IN_PATH.search(parsed.path or b"") or _IN_QUERY.search(parsed.query or b"")
    return found[1] if found else None


def _token_of_headers(headers: Iterable[tuple[bytes, bytes]]) -> bytes | None:
    """`Authorization: Bearer TOKEN` (RFC 6750)."""
    found = next((_IN_HEADER.fullmatch(value) for name, value in headers if name.lower() == b"authorization"), None)
    return found[1] if found else None
