"""What can be blocked: an address, an address and a destination port of ours, or a network."""

import re
import socket
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_network
from typing import NamedTuple

Network = IPv4Network | IPv6Network

_BRACKETS = re.compile(r"\[([^\]]+)\](?::(\d+))?")
_IPV4_PORT = re.compile(r"([^:]+):(\d+)")


class MalformedError(ValueError):
    """Not an address, endpoint or network."""


class Target(NamedTuple):
    """`packed` is in network order; `port` is a TCP or UDP port of this host, 0 for every port.

    Bytes and not an `ip_network`, which takes ten times as long to make and to hash: lists have 100,000 of these.
    """

    packed: bytes
    length: int
    port: int = 0

    @property
    def version(self) -> int:
        return 4 if len(self.packed) == 4 else 6

    @property
    def single(self) -> bool:
        return self.length == len(self.packed) * 8

    @property
    def network(self) -> Network:
        return ip_network((self.packed, self.length))

    @classmethod
    def parse(cls, text: str, port: int = 0) -> "Target":
        """Reads `203.0.113.7`, `203.0.113.7:22`, `2001:db8::1`, `[2001:db8::1]:22`, `203.0.113.0/24` and so on.

        An IPv4-mapped IPv6 address becomes the IPv4 address, since that is what is on the wire. Host bits of a network
        are cleared, so that lists compare. Raises `MalformedError`.
        """
        text = text.strip()
        try:
            packed = socket.inet_pton(socket.AF_INET, text)
        except (OSError, ValueError):
            return _parse(text, port)
        return cls(packed, 32, _checked(port))

    @classmethod
    def of(cls, network: Network) -> "Target":
        return cls(network.network_address.packed, network.prefixlen)

    def __str__(self) -> str:
        name = socket.inet_ntop(socket.AF_INET if self.version == 4 else socket.AF_INET6, self.packed)
        if not self.single:
            return f"{name}/{self.length}"
        if not self.port:
            return name
        return f"[{name}]:{self.port}" if self.version == 6 else f"{name}:{self.port}"


def _parse(text: str, port: int) -> Target:
    address, inner = _split(text)
    try:
        network = _unmapped(ip_network(address, strict=False))
    except ValueError:
        raise MalformedError(f"{text[:80]!r} is not an address, ADDRESS:PORT or network") from None
    target = Target.of(network)._replace(port=_checked(port or inner))
    if target.port and not target.single:
        raise MalformedError(f"{text[:80]!r}: a port goes with a single address, not with a network")
    return target


def _checked(port: int) -> int:
    if not 0 <= port <= 65535:
        raise MalformedError(f"{port} is not a port")
    return port


def _split(text: str) -> tuple[str, int]:
    if "%" in text:
        raise MalformedError(f"{text[:80]!r}: a scoped address means nothing off this host")
    match = _BRACKETS.fullmatch(text) or _IPV4_PORT.fullmatch(text)
    if not match:
        return text, 0
    digits = match[2] or "0"
    return match[1], int(digits) if len(digits) <= 5 else 65536


def _unmapped(network: Network) -> Network:
    if isinstance(network, IPv6Network) and network.prefixlen >= 96:
        mapped = IPv6Address(network.network_address).ipv4_mapped
        if mapped:
            return ip_network((mapped, network.prefixlen - 96))
    return network
