"""What the kernel program and user space agree on: `xdp_block.h`, from Python's side."""

import struct
import time
from dataclasses import dataclass

from bpf.target import Target

SCHEMA = "v1"
PROGRAM = "xdp_block"
TOTALS = "totals"
REASONS = (
    "passed",
    "not_ip",
    "malformed",
    "expired",
    "allowed",
    "dropped_address",
    "dropped_endpoint",
    "dropped_network",
)
BLOCK_MAPS = ("blocked4", "blocked6", "endpoints4", "endpoints6", "networks4", "networks6")
ALLOW_MAPS = ("allowed4", "allowed6")
SWITCHES = "switches"
# The map of endpoints: its index into `switches`.
SWITCH = {"endpoints4": struct.pack("=I", 0), "endpoints6": struct.pack("=I", 1)}
ON = struct.pack("=I", 1)
MAPS = (*BLOCK_MAPS, *ALLOW_MAPS, SWITCHES, TOTALS)

ENTRY = struct.Struct("=QQQ")
TOTAL = struct.Struct("=QQ")
PRESENT = b"\x01"


@dataclass(frozen=True, slots=True)
class Entry:
    """One blocked target. `expires` is CLOCK_BOOTTIME in nanoseconds, 0 for never."""

    expires: int
    packets: int = 0
    octets: int = 0

    def pack(self) -> bytes:
        return ENTRY.pack(self.expires, self.packets, self.octets)

    @classmethod
    def unpack(cls, raw: bytes) -> "Entry":
        return cls(*ENTRY.unpack(raw))


def boot_now() -> int:
    """The clock that the program reads: it counts through suspend, and no one sets it."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


def map_name(target: Target) -> str:
    kind = "endpoints" if target.port else "blocked" if target.single else "networks"
    return f"{kind}{target.version}"


def network_key(target: Target) -> bytes:
    """An LPM trie's key: the length in host order, the address in network order."""
    return struct.pack("=I", target.length) + target.packed


def key(target: Target) -> bytes:
    if target.port:
        padding = b"\0\0" if target.version == 4 else b"\0" * 6
        return target.packed + struct.pack("!H", target.port) + padding
    return target.packed if target.single else network_key(target)


def target(name: str, raw: bytes) -> Target:
    """The inverse of `key`, for an entry of the map `name`."""
    width = 4 if name.endswith("4") else 16
    if name.startswith("networks"):
        return Target(raw[4:], struct.unpack_from("=I", raw)[0])
    port = struct.unpack_from("!H", raw, width)[0] if name.startswith("endpoints") else 0
    return Target(raw[:width], width * 8, port)
