"""A BPF map held by its file descriptor."""

import ctypes
import errno
import os
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Self

from bpf import libbpf

BATCH = 1000
PER_CPU = frozenset({5, 6, 10})  # BPF_MAP_TYPE_PERCPU_HASH, _PERCPU_ARRAY, _LRU_PERCPU_HASH


@cache
def possible_cpus() -> int:
    """How many values a per-CPU read answers: every *possible* CPU, whether it is online or not."""
    ranges = Path("/sys/devices/system/cpu/possible").read_text().strip().split(",")
    return 1 + max(int(part.split("-")[-1]) for part in ranges)


class Map:
    """Keys and values are bytes, exactly as the kernel holds them. Errors are `OSError`."""

    def __init__(self, fd: int, *, owned: bool = True) -> None:
        self.fd = fd
        self._owned = owned
        self._library = libbpf.library()
        info = libbpf.MapInfo()
        length = ctypes.c_uint32(ctypes.sizeof(info))
        libbpf.check(self._library.bpf_obj_get_info_by_fd(fd, ctypes.byref(info), ctypes.byref(length)), "map info")
        self.id = int(info.id)
        self.key_size = int(info.key_size)
        self.value_size = int(info.value_size)
        self.capacity = int(info.max_entries)
        self.cpus = possible_cpus() if info.type in PER_CPU else 1

    @classmethod
    def pinned(cls, path: Path, *, read_only: bool = False) -> Self:
        """Opens a pinned map; with `read_only` a file of mode 0440 is enough."""
        options = libbpf.sized(libbpf.GetOptions, file_flags=libbpf.READ_ONLY if read_only else 0)
        fd = libbpf.library().bpf_obj_get_opts(os.fsencode(path), ctypes.byref(options))
        return cls(libbpf.check(fd, f"open {path}"))

    def update(self, key: bytes, value: bytes) -> None:
        libbpf.check(self._library.bpf_map_update_elem(self.fd, key, value, 0), "map update")

    def lookup(self, key: bytes) -> bytes | None:
        """The value (of a per-CPU map: one value after another), or None when there is no such key."""
        value = ctypes.create_string_buffer(self.value_size * self.cpus)
        result = self._library.bpf_map_lookup_elem(self.fd, key, value)
        if result == -errno.ENOENT:
            return None
        libbpf.check(result, "map lookup")
        return value.raw

    def delete(self, key: bytes) -> bool:
        """Whether there was such a key."""
        result = self._library.bpf_map_delete_elem(self.fd, key)
        if result == -errno.ENOENT:
            return False
        libbpf.check(result, "map delete")
        return True

    def update_batch(self, pairs: Sequence[tuple[bytes, bytes]]) -> None:
        """Writes all pairs, or raises at the first that does not go in (those before it stay)."""
        for start in range(0, len(pairs), BATCH):
            part = pairs[start : start + BATCH]
            count = ctypes.c_uint32(len(part))
            keys, values = (b"".join(column) for column in zip(*part, strict=True))
            result = self._library.bpf_map_update_batch(self.fd, keys, values, ctypes.byref(count), None)
            libbpf.check(result, "map update")

    def items(self) -> Iterator[tuple[bytes, bytes]]:
        """Every pair, read in batches. A pair added or deleted meanwhile may be missed; none is invented."""
        size = max(self.key_size, 4)
        before, after = ctypes.create_string_buffer(size), ctypes.create_string_buffer(size)
        keys = ctypes.create_string_buffer(self.key_size * BATCH)
        values = ctypes.create_string_buffer(self.value_size * BATCH)
        start, result = None, 0
        while result == 0:
            count = ctypes.c_uint32(BATCH)
            result = self._library.bpf_map_lookup_batch(self.fd, start, after, keys, values, ctypes.byref(count), None)
            # ENOENT is the ordinary end, and the last batch's count still holds.
            if result not in (0, -errno.ENOENT):
                libbpf.check(result, "map read")
            found = _cut(keys.raw, self.key_size, count.value), _cut(values.raw, self.value_size, count.value)
            yield from zip(*found, strict=True)
            before, after = after, before
            start = before

    def close(self) -> None:
        if self._owned and self.fd >= 0:
            os.close(self.fd)
            self.fd = -1


def _cut(raw: bytes, size: int, count: int) -> list[bytes]:
    return [raw[start : start + size] for start in range(0, size * count, size)]
