"""The packet table: what is blocked, what comes, and what must become of it. The benchmark runs the same rows."""

from dataclasses import dataclass

from tests.bpf import packets as p
from tests.bpf.packets import SOURCE4, SOURCE6, frame, ipv4, ipv6

DROP, PASS = 1, 2
NET4, NET6 = "198.51.100.0/24", "2001:db8:7::/48"
PORT4, PORT6 = f"{SOURCE4}:80", f"[{SOURCE6}]:80"


@dataclass(frozen=True)
class Row:
    """`counted` is the reason whose total grows by one; of what is `blocked`, a minus marks the expired."""

    name: str
    packet: bytes
    verdict: int
    counted: str
    blocked: tuple[str, ...] = ()
    allowed: tuple[str, ...] = ()


V4, V6 = frame(ipv4(), p.IPV4), frame(ipv6(), p.IPV6)


def dropped(name: str, packet: bytes, blocked: str, counted: str) -> Row:
    return Row(name, packet, DROP, counted, (blocked,))


def passed(name: str, packet: bytes, *blocked: str, counted: str = "passed", allowed: tuple[str, ...] = ()) -> Row:
    return Row(name, packet, PASS, counted, blocked, allowed)


ROWS = [
    # Addresses.
    passed("IPv4, nothing blocked", V4),
    passed("IPv6, nothing blocked", V6),
    passed("IPv4, another source blocked", V4, "198.51.100.8"),
    passed("IPv6, another source blocked", V6, "2001:db8:7::2"),
    dropped("IPv4 address", V4, SOURCE4, "dropped_address"),
    dropped("IPv6 address", V6, SOURCE6, "dropped_address"),
    dropped("IPv4 TCP", frame(ipv4(protocol=p.TCP), p.IPV4), SOURCE4, "dropped_address"),
    dropped("IPv4 ICMP", frame(ipv4(protocol=p.ICMP), p.IPV4), SOURCE4, "dropped_address"),
    dropped("IPv4 options", frame(ipv4(options=10), p.IPV4), SOURCE4, "dropped_address"),
    dropped("IPv4 first fragment", frame(ipv4(offset=0x2000), p.IPV4), SOURCE4, "dropped_address"),
    dropped("IPv4 later fragment", frame(ipv4(offset=185), p.IPV4), SOURCE4, "dropped_address"),
    dropped("IPv6 fragment", frame(ipv6(chain=(p.FRAGMENT,), offset=9), p.IPV6), SOURCE6, "dropped_address"),
    dropped("IPv6 hop-by-hop", frame(ipv6(chain=(p.HOP_BY_HOP,)), p.IPV6), SOURCE6, "dropped_address"),
    dropped("IPv4-mapped IPv6 is IPv4", V4, f"::ffff:{SOURCE4}", "dropped_address"),
    # Tags.
    dropped("VLAN IPv4", frame(ipv4(), p.IPV4, p.VLAN), SOURCE4, "dropped_address"),
    dropped("VLAN IPv6", frame(ipv6(), p.IPV6, p.VLAN), SOURCE6, "dropped_address"),
    dropped("QinQ IPv4", frame(ipv4(), p.IPV4, p.QINQ, p.VLAN), SOURCE4, "dropped_address"),
    dropped("QinQ IPv6", frame(ipv6(), p.IPV6, p.QINQ, p.VLAN), SOURCE6, "dropped_address"),
    passed("QinQ, nothing blocked", frame(ipv4(), p.IPV4, p.QINQ, p.VLAN)),
    passed("three tags", frame(ipv4(), p.IPV4, p.QINQ, p.VLAN, p.VLAN), SOURCE4, counted="not_ip"),
    # Endpoints.
    dropped("IPv4 UDP port", V4, PORT4, "dropped_endpoint"),
    dropped("IPv6 UDP port", V6, PORT6, "dropped_endpoint"),
    dropped("IPv4 TCP port", frame(ipv4(protocol=p.TCP), p.IPV4), PORT4, "dropped_endpoint"),
    dropped("IPv4 port after options", frame(ipv4(options=10), p.IPV4), PORT4, "dropped_endpoint"),
    dropped("VLAN IPv4 port", frame(ipv4(), p.IPV4, p.VLAN), PORT4, "dropped_endpoint"),
    dropped("IPv4 port, first fragment", frame(ipv4(offset=0x2000), p.IPV4), PORT4, "dropped_endpoint"),
    dropped(
        "IPv6 port after four extension headers",
        frame(ipv6(chain=(p.HOP_BY_HOP, p.ROUTING, p.DESTINATION, p.FRAGMENT)), p.IPV6),
        PORT6,
        "dropped_endpoint",
    ),
    passed("IPv4 another port", frame(ipv4(port=81), p.IPV4), PORT4),
    passed("IPv6 another port", frame(ipv6(port=81), p.IPV6), PORT6),
    passed("IPv4 same port of another source", frame(ipv4("198.51.100.8"), p.IPV4), PORT4),
    passed("IPv4 ICMP has no port", frame(ipv4(protocol=p.ICMP), p.IPV4), PORT4),
    passed("IPv4 later fragment has no port", frame(ipv4(offset=185), p.IPV4), PORT4),
    passed("IPv6 later fragment has no port", frame(ipv6(chain=(p.FRAGMENT,), offset=9), p.IPV6), PORT6),
    passed("five extension headers", frame(ipv6(chain=(p.DESTINATION,) * 5), p.IPV6), PORT6),
    passed("IPv4 cut before the port", V4[:36], PORT4),
    passed("IPv6 cut before the port", V6[:56], PORT6),
    passed("IPv6 cut in an extension header", frame(ipv6(chain=(p.HOP_BY_HOP,)), p.IPV6)[:58], PORT6),
    # Networks.
    dropped("IPv4 network", V4, NET4, "dropped_network"),
    dropped("IPv6 network", V6, NET6, "dropped_network"),
    passed("IPv4 outside the network", frame(ipv4("198.51.101.7"), p.IPV4), NET4),
    passed("IPv6 outside the network", frame(ipv6("2001:db8:8::1"), p.IPV6), NET6),
    # The allow list wins.
    passed("IPv4 allowed, address blocked", V4, SOURCE4, counted="allowed", allowed=(NET4,)),
    passed("IPv6 allowed, address blocked", V6, SOURCE6, counted="allowed", allowed=(NET6,)),
    passed("IPv4 allowed, port blocked", V4, PORT4, counted="allowed", allowed=(SOURCE4,)),
    passed("IPv4 allowed host of a blocked network", V4, NET4, counted="allowed", allowed=(SOURCE4,)),
    passed("IPv6 allowed host of a blocked network", V6, NET6, counted="allowed", allowed=(SOURCE6,)),
    Row(
        "IPv4 beside the allowed host",
        frame(ipv4("198.51.100.8"), p.IPV4),
        DROP,
        "dropped_network",
        (NET4,),
        (SOURCE4,),
    ),
    # Expiry.
    passed("IPv4 expired", V4, f"-{SOURCE4}", counted="expired"),
    passed("IPv6 expired", V6, f"-{SOURCE6}", counted="expired"),
    passed("IPv4 port expired", V4, f"-{PORT4}", counted="expired"),
    passed("IPv4 network expired", V4, f"-{NET4}", counted="expired"),
    Row("address expired, network not", V4, DROP, "dropped_network", (f"-{SOURCE4}", NET4)),
    # What is not an IP packet passes, whatever is blocked.
    passed("ARP", frame(bytes(28), p.ARP), SOURCE4, counted="not_ip"),
    passed("unknown protocol", frame(bytes(50), 0x9999), SOURCE4, counted="not_ip"),
    passed("bare Ethernet header", frame(b"", p.IPV4), SOURCE4, counted="malformed"),
    passed("IPv4 cut in the header", V4[:33], SOURCE4, counted="malformed"),
    passed("IPv6 cut in the header", V6[:53], SOURCE6, counted="malformed"),
    passed("VLAN cut in the tag", frame(b"", p.IPV4, p.VLAN)[:16], SOURCE4, counted="malformed"),
    passed("QinQ cut in the second tag", frame(b"", p.IPV4, p.QINQ, p.VLAN)[:20], SOURCE4, counted="malformed"),
    passed("IPv4 length under five words", frame(ipv4(options=-1), p.IPV4), SOURCE4, counted="malformed"),
    passed("IPv4 says version 6", frame(ipv4(version=6), p.IPV4), SOURCE4, counted="malformed"),
    passed("IPv6 under IPv4's protocol number", frame(ipv6(), p.IPV4), SOURCE6, counted="malformed"),
    passed("IPv4 under IPv6's protocol number", frame(ipv4(), p.IPV6), SOURCE4, counted="malformed"),
    dropped("IPv4 ends with its header", V4[:34], SOURCE4, "dropped_address"),
    dropped("IPv6 ends with its header", V6[:54], SOURCE6, "dropped_address"),
    dropped("jumbo", V4 + bytes(50_000), SOURCE4, "dropped_address"),
]
