"""Two hosts and a cable: network namespaces joined by a veth pair, with addresses of the documentation ranges."""

import ctypes
import os
import secrets
import socket
import struct
import subprocess
from collections.abc import Generator
from contextlib import closing, contextmanager
from pathlib import Path

HOST4, HOST6 = "192.0.2.1", "2001:db8:1::1"
# Two sources of one peer: one to be blocked, one that must go on.
ATTACKER4, FRIEND4 = "192.0.2.66", "192.0.2.77"
ATTACKER6, FRIEND6 = "2001:db8:1::66", "2001:db8:1::77"
GATEWAY4 = "192.0.2.254"
PORT = 5353
_CLONE_NEWNET = 0x40000000
_ETH_P_ALL = 3
_SOL_PACKET, _PACKET_AUXDATA, _TP_STATUS_VLAN_VALID = 263, 8, 1 << 4
_libc = ctypes.CDLL(None, use_errno=True)


class Wire:
    """`host` is the namespace that is protected, `peer` the one where packets come from; eth0 in both."""

    def __init__(self) -> None:
        name = secrets.token_hex(3)
        self.host, self.peer = f"xh{name}", f"xp{name}"
        try:
            self._build()
        except BaseException:
            self.close()
            raise

    def _build(self) -> None:
        for namespace in (self.host, self.peer):
            ip("netns", "add", namespace)
        ip("-n", self.host, "link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns", self.peer)
        for namespace in (self.host, self.peer):
            ip("-n", namespace, "link", "set", "lo", "up")
            ip("-n", namespace, "link", "set", "eth0", "up")
        self.address(self.host, HOST4, HOST6)
        self.address(self.peer, ATTACKER4, FRIEND4, GATEWAY4, ATTACKER6, FRIEND6)
        ip("-n", self.host, "route", "add", "default", "via", GATEWAY4)

    def address(self, namespace: str, *addresses: str, device: str = "eth0") -> None:
        for address in addresses:
            # Without nodad an IPv6 address may not be used for its first second.
            prefix = [f"{address}/64", "nodad"] if ":" in address else [f"{address}/24"]
            ip("-n", namespace, "address", "add", *prefix, "dev", device)

    def command(self, namespace: str, *arguments: str | Path) -> list[str]:
        # `ip netns exec` mounts a new /sys and so hides every pin; this does not.
        return ["nsenter", f"--net=/run/netns/{namespace}", *map(str, arguments)]

    def receiver(self, address: str = HOST4, port: int = PORT) -> socket.socket:
        return self.socket(self.host, address, port)

    def sender(self, address: str = ATTACKER4) -> socket.socket:
        return self.socket(self.peer, address, 0)

    def socket(self, namespace: str, address: str, port: int) -> socket.socket:
        """A UDP socket that lives in that namespace, whoever uses it."""
        with inside(namespace):
            made = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
        made.bind((address, port))
        made.settimeout(5)
        return made

    def close(self) -> None:
        for namespace in (self.host, self.peer):
            subprocess.run(["ip", "netns", "delete", namespace], check=False, capture_output=True)


def reaches(wire: Wire, source: str, destination: str = HOST4, port: int = PORT) -> bool:
    """Whether a datagram arrives. A second one from a source that is never blocked follows it, so no time is waited."""
    friend = FRIEND6 if ":" in destination else FRIEND4
    with (
        closing(wire.receiver(destination, port)) as receiver,
        closing(wire.sender(source)) as sender,
        closing(wire.sender(friend)) as other,
    ):
        sender.sendto(b"probe", (destination, port))
        other.sendto(b"end", (destination, port))
        return receiver.recv(16) == b"probe"


def arriving(wire: Wire, frames: list[bytes]) -> list[bytes]:
    """Which of these frames the host's stack is handed; the last one must be among them."""
    with closing(_raw(wire.host)) as receiver, closing(_raw(wire.peer)) as sender:
        for each in frames:
            sender.send(each)
        seen: list[bytes] = []
        while frames[-1] not in seen:
            seen.append(_tagged(receiver))
    return [each for each in frames if each in seen]


def _raw(namespace: str) -> socket.socket:
    with inside(namespace):
        made = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ETH_P_ALL))
        made.bind(("eth0", _ETH_P_ALL))
    made.settimeout(5)
    made.setsockopt(_SOL_PACKET, _PACKET_AUXDATA, 1)
    return made


def _tagged(receiver: socket.socket) -> bytes:
    """One frame as it was on the wire: the stack moves the outer tag out of the frame into ancillary data."""
    data, ancillary, _, _ = receiver.recvmsg(65536, 64)
    status, *_, tag, protocol = struct.unpack("IIIHHHH", ancillary[0][2])
    if status & _TP_STATUS_VLAN_VALID:
        return data[:12] + struct.pack("!HH", protocol, tag) + data[12:]
    return data


@contextmanager
def inside(namespace: str) -> Generator[None]:
    """This thread's network is that namespace's. Sockets and links made meanwhile stay there."""
    before = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    try:
        _enter(Path("/run/netns") / namespace)
        yield
    finally:
        _libc.setns(before, _CLONE_NEWNET)
        os.close(before)


def _enter(path: Path) -> None:
    target = os.open(path, os.O_RDONLY)
    try:
        if _libc.setns(target, _CLONE_NEWNET) < 0:
            raise OSError(ctypes.get_errno(), "setns", str(path))
    finally:
        os.close(target)


def ip(*arguments: str) -> str:
    return subprocess.run(["ip", *arguments], check=True, capture_output=True, text=True).stdout
