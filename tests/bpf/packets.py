"""Frames, built byte by byte, so that a malformed one is as easy as a good one."""

import struct
from ipaddress import ip_address

TCP, UDP, ICMP = 6, 17, 1
HOP_BY_HOP, ROUTING, FRAGMENT, DESTINATION = 0, 43, 44, 60
IPV4, IPV6, ARP = 0x0800, 0x86DD, 0x0806
VLAN, QINQ = 0x8100, 0x88A8

SOURCE4, HOST4 = "198.51.100.7", "192.0.2.1"
SOURCE6, HOST6 = "2001:db8:7::1", "2001:db8:1::1"


def frame(payload: bytes, kind: int, *tags: int) -> bytes:
    """An Ethernet frame; each tag is a VLAN's protocol number, the outer one first."""
    kinds = (*tags, kind)
    head = bytes(12) + struct.pack("!H", kinds[0])
    return head + b"".join(struct.pack("!HH", 10, inner) for inner in kinds[1:]) + payload


def segment(port: int = 80) -> bytes:
    """The first bytes of a TCP or UDP header, and a little data."""
    return struct.pack("!HHHH", 40000, port, 8, 0) + bytes(18)


def ipv4(
    source: str = SOURCE4, protocol: int = UDP, port: int = 80, offset: int = 0, options: int = 0, version: int = 4
) -> bytes:
    """`offset` is the fragment's, in 8-byte units; `options` the header's, in 4-byte words."""
    first = version << 4 | 5 + options
    payload = segment(port)
    head = struct.pack("!BBHHHBB", first, 0, 20 + 4 * options + len(payload), 1, offset, 64, protocol)
    rest = ip_address(source).packed + ip_address(HOST4).packed + bytes(max(0, 4 * options))
    return head + _checksum(head + rest) + rest + payload


def _checksum(header: bytes) -> bytes:
    """RFC 1071; without it the stack drops the packet before any rule sees it."""
    total = sum(struct.unpack(f"!{len(header) // 2}H", header))
    total = (total & 0xFFFF) + (total >> 16)
    return struct.pack("!H", ~(total + (total >> 16)) & 0xFFFF)


def ipv6(
    source: str = SOURCE6, protocol: int = UDP, port: int = 80, chain: tuple[int, ...] = (), offset: int = 0
) -> bytes:
    """`chain` are the extension headers in order; `offset` is the fragment header's, in 8-byte units."""
    following = (*chain, protocol)
    body = b"".join(_extension(kind, after, offset) for kind, after in zip(chain, following[1:], strict=True))
    payload = body + segment(port)
    head = struct.pack("!IHBB", 6 << 28, len(payload), following[0], 64)
    return head + ip_address(source).packed + ip_address(HOST6).packed + payload


def _extension(kind: int, after: int, offset: int) -> bytes:
    if kind == FRAGMENT:
        return struct.pack("!BBHI", after, 0, offset << 3, 1)
    return struct.pack("!BB", after, 1) + bytes(14)
