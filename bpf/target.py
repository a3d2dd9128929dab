"""What can be blocked: an address, an address and a destination port of ours, or a network."""

import re
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_network

Network = IPv4Network | IPv6Network

_BRACKETS = re.compile(r"\[([^\]]+)\](?::(\d+))?")
_IPV4_PORT = re.compile(r"([^:]+):(\d+)")


class MalformedError(ValueError):
    """Not an address, endpoint or network."""


@dataclass(frozen=True, slots=True)
class Target:
    """`port` is a TCP or UDP port of this host; 0 means every port."""

    network: Network
    port: int = 0

    @property
    def single(self) -> bool:
        return self.network.prefixlen == self.network.max_prefixlen

    @classmethod
    def parse(cls, text: str, port: int = 0) -> "Target":
        """Reads `203.0.113.7`, `203.0.113.7:22`, `2001:db8::1`, `[2001:db8::1]:22`, `203.0.113.0/24` and so on.

        An IPv4-mapped IPv6 address becomes the IPv4 address, since that is what is on the wire. Host bits of a network
        are cleared, so that lists compare. Raises `MalformedError`.
        """
        address, inner = _split(text.strip())
        port = port or inner
        try:
            network = ip_network(address, strict=False)
        except ValueError:
            raise MalformedError(f"{text[:80]!r} is not an address, ADDRESS:PORT or network") from None
        network = _unmapped(network)
        if not 0 <= port <= 65535:
            raise MalformedError(f"{port} is not a port")
        if port and network.prefixlen != network.max_prefixlen:
            raise MalformedError(f"{text[:80]!r}: a port goes with a single address, not with a network")
        return cls(network, port)

    def __str__(self) -> str:
        name = str(self.network.network_address) if self.single else str(self.network)
        if not self.port:
            return name
        return f"[{name}]:{self.port}" if self.network.version == 6 else f"{name}:{self.port}"


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
