"""Frames made in the kernel: BPF_PROG_TEST_RUN with live frames, each redirected out of the peer's interface.

One core makes the frames and handles them at the other end, so a rate holds the generator's own cost too.
"""

import ctypes
import shutil
import socket
import struct
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Self

from bpf import libbpf
from bpf.program import Program
from tests.bpf import packets
from tests.bpf.wire import Wire, inside, ip

LIVE_FRAMES = 1 << 1  # BPF_F_TEST_XDP_LIVE_FRAMES
BATCH = 64
SOURCE = Path(__file__).with_name("xdp_bare.bpf.c")


def compiled(directory: Path) -> Path:
    """The benchmark's own programs; needs clang and libbpf's headers, as the blocker's object does."""
    target = directory / "bare.o"
    machine = subprocess.run(["gcc", "-print-multiarch"], check=True, capture_output=True, text=True).stdout.strip()
    flags = ["-O2", "-g", "-target", "bpf", "-mcpu=v3", f"-I/usr/include/{machine}"]
    subprocess.run(["clang", *flags, "-c", str(SOURCE), "-o", str(target)], check=True)
    return target


def bare_nanoseconds(packet: bytes, repeat: int, rounds: int) -> int:
    """What a program costs that only counts, in the same terms as every other row."""
    directory = Path(tempfile.mkdtemp())
    program = Program(directory, compiled(directory), "bare")
    try:
        program.load()
        return min(program.run(packet, repeat).nanoseconds for _ in range(rounds))
    finally:
        program.close()
        shutil.rmtree(directory)


class Generator:
    """Sends frames of one source across the wire, from inside the peer's namespace."""

    def __init__(self, wire: Wire, source: str) -> None:
        self._wire = wire
        self._directory = Path(tempfile.mkdtemp())
        self._program = Program(self._directory, compiled(self._directory), "forward")
        self._program.load()
        mac = ip("-n", wire.host, "-brief", "link", "show", "eth0").split()[2]
        ethernet = bytes.fromhex(mac.replace(":", "")) + bytes(6) + struct.pack("!H", packets.IPV4)
        self._packet = ethernet + packets.ipv4(source, port=9)

    def __enter__(self) -> Self:
        with inside(self._wire.peer):
            index = socket.if_nametoindex("eth0")
        self._program.map("interface").update(struct.pack("=I", 0), struct.pack("=I", index))
        return self

    def __exit__(self, *_: object) -> None:
        self._program.close()
        shutil.rmtree(self._directory)

    def send(self, count: int) -> float:
        """Frames a second."""
        options = libbpf.sized(libbpf.RunOptions, data_size_in=len(self._packet), repeat=count)
        options.data_in = ctypes.cast(ctypes.c_char_p(self._packet), ctypes.c_void_p)
        options.flags, options.batch_size = LIVE_FRAMES, BATCH
        with inside(self._wire.peer):
            begin = time.perf_counter()
            result = libbpf.library().bpf_prog_test_run_opts(self._program.fd, ctypes.byref(options))
            took = time.perf_counter() - begin
        libbpf.check(result, "live frames")
        return count / took

    def rate(self, seconds: float) -> tuple[float, int]:
        """Frames a second over about that time, and how many were sent."""
        count, total = BATCH * 4, 0
        while True:
            total += count
            rate = self.send(count)
            if count / rate >= seconds / 2:
                return rate, total
            # Slow filters take long for few frames: grow towards the time, never past it.
            count = min(count * 8, max(count * 2, int(rate * seconds)))
