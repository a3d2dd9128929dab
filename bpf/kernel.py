"""The back end of the kernel program: its pinned maps. Needs no capability, only write access to the pins."""

import errno
import os
import struct
from collections import defaultdict
from collections.abc import Collection, Generator, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from bpf import schema
from bpf.backend import FullError, NotAttachedError
from bpf.map import BATCH, Map
from bpf.schema import Entry
from bpf.target import Network, Target


class Kernel:
    """`pins` is the directory of the maps. When a loader has made new ones there, the next verb uses those."""

    name = "kernel"

    def __init__(self, pins: Path) -> None:
        self._pins = pins
        self._opened: tuple[int, int] | None = None
        self._maps: dict[str, Map] = {}
        self._open()

    def block(self, expiries: Mapping[Target, int]) -> None:
        maps = self._open()
        wanted: defaultdict[str, dict[bytes, int]] = defaultdict(dict)
        for target, expires in expiries.items():
            wanted[schema.map_name(target)][schema.key(target)] = expires
        for name, keys in wanted.items():
            if name in schema.SWITCH:
                maps[schema.SWITCHES].update(schema.SWITCH[name], schema.ON)
            with _room(name, maps[name]):
                maps[name].update_batch(_values(maps[name], keys))

    def unblock(self, targets: Collection[Target]) -> None:
        maps = self._open()
        for target in targets:
            maps[schema.map_name(target)].delete(schema.key(target))

    def allow(self, networks: Collection[Network]) -> None:
        maps = self._open()
        for version in (4, 6):
            name = f"allowed{version}"
            table = maps[name]
            wanted = {schema.network_key(Target.of(network)) for network in networks if network.version == version}
            present = {key for key, _ in table.items()}
            # New ones first: at no moment is an address that stays on the list off it.
            with _room(name, table):
                for key in wanted - present:
                    table.update(key, schema.PRESENT)
            for key in present - wanted:
                table.delete(key)

    def entries(self) -> Iterator[tuple[Target, Entry]]:
        maps = self._open()
        for name in schema.BLOCK_MAPS:
            for key, value in maps[name].items():
                yield schema.target(name, key), Entry.unpack(value)

    def totals(self) -> dict[str, tuple[int, int]]:
        table = self._open()[schema.TOTALS]
        return {reason: _summed(table, index) for index, reason in enumerate(schema.REASONS)}

    def capacity(self) -> dict[str, int]:
        maps = self._open()
        return {name: maps[name].capacity for name in schema.BLOCK_MAPS}

    def close(self) -> None:
        for opened in self._maps.values():
            opened.close()
        self._maps = {}
        self._opened = None

    def _open(self) -> dict[str, Map]:
        try:
            found = os.stat(self._pins / schema.TOTALS)
        except FileNotFoundError:
            raise NotAttachedError(f"no maps in {self._pins}: nothing is attached") from None
        identity = (found.st_dev, found.st_ino)
        if identity != self._opened:
            self.close()
            self._maps = {name: Map.pinned(self._pins / name, read_only=name == schema.TOTALS) for name in schema.MAPS}
            self._opened = identity
        return self._maps


@contextmanager
def _room(name: str, table: Map) -> Generator[None]:
    """Raises `FullError` where it takes no more."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.E2BIG, errno.ENOSPC):
            raise FullError(f"{name} holds its {table.capacity} entries") from error
        raise


def _values(table: Map, keys: dict[bytes, int]) -> list[tuple[bytes, bytes]]:
    """An update replaces the whole value, so the counters of an entry that is there are carried over."""
    present = dict(table.items()) if len(keys) > BATCH else {key: table.lookup(key) for key in keys}
    return [(key, _extended(present.get(key), expires)) for key, expires in keys.items()]


def _extended(value: bytes | None, expires: int) -> bytes:
    if not value:
        return Entry(expires).pack()
    entry = Entry.unpack(value)
    return Entry(expires, entry.packets, entry.octets).pack()


def _summed(table: Map, index: int) -> tuple[int, int]:
    raw = table.lookup(struct.pack("=I", index)) or b""
    each = list(schema.TOTAL.iter_unpack(raw))
    return sum(packets for packets, _ in each), sum(size for _, size in each)
