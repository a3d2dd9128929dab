"""The kernel program: opened, loaded with its pinned maps, and run on a packet."""

import ctypes
import os
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from bpf import libbpf
from bpf.map import Map
from bpf.schema import MAPS, PROGRAM

OBJECT = Path(__file__).with_name("xdp_block.bpf.o")


class Run(NamedTuple):
    """`verdict` as XDP names it (1 = drop, 2 = pass); `nanoseconds` is the mean of one run."""

    verdict: int
    nanoseconds: int


class Program:
    """The object file, open. Its maps are made, or those already pinned under `pins` are used again, at `load`."""

    def __init__(self, pins: Path, path: Path = OBJECT, name: str = PROGRAM) -> None:
        self._library = libbpf.library()
        options = libbpf.sized(libbpf.OpenOptions, pin_root_path=os.fsencode(pins))
        self.object = self._library.bpf_object__open_file(os.fsencode(path), ctypes.byref(options))
        if not self.object:
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code), f"open {path}: {libbpf.explain()}")
        self.handle = self._library.bpf_object__find_program_by_name(self.object, name.encode())

    def resize(self, sizes: Mapping[str, int]) -> None:
        """Entries of each map; only before `load`."""
        for name, entries in sizes.items():
            handle = self._library.bpf_object__find_map_by_name(self.object, name.encode())
            libbpf.check(self._library.bpf_map__set_max_entries(handle, entries), f"size of {name}")

    def adopt(self, pins: Path) -> None:
        """Takes the sizes of the maps that are pinned: libbpf uses a pinned map again only when both agree."""
        for path in (path for path in pins.iterdir() if path.name in MAPS):
            with closing(Map.pinned(path, read_only=True)) as present:
                self.resize({path.name: present.capacity})

    def load(self) -> None:
        """Hands the program to the verifier. Raises `OSError` with libbpf's own words."""
        result = self._library.bpf_object__load(self.object)
        if result < 0:
            raise OSError(-result, os.strerror(-result), f"load {PROGRAM}: {libbpf.explain()}")

    @property
    def fd(self) -> int:
        return self._library.bpf_program__fd(self.handle)

    def map(self, name: str) -> Map:
        """A map of the loaded program, which lives as long as the program does."""
        handle = self._library.bpf_object__find_map_by_name(self.object, name.encode())
        return Map(self._library.bpf_map__fd(handle), owned=False)

    def run(self, packet: bytes, repeat: int = 1) -> Run:
        """BPF_PROG_TEST_RUN: the verdict on `packet`. The kernel refuses fewer than 14 bytes."""
        options = libbpf.sized(libbpf.RunOptions, data_size_in=len(packet), repeat=repeat)
        options.data_in = ctypes.cast(ctypes.c_char_p(packet), ctypes.c_void_p)
        libbpf.check(self._library.bpf_prog_test_run_opts(self.fd, ctypes.byref(options)), "test run")
        return Run(options.retval, options.duration)

    def close(self) -> None:
        if self.object:
            self._library.bpf_object__close(self.object)
            self.object = None
