"""The source blocker: ns a packet, from alert to drop, back after a reboot, and beside nftables, ipset and iptables.

    python -m bench.xdp [rows] [alert] [restore] [rivals]

Needs root, clang, nftables, ipset and iptables. All traffic stays in network namespaces that this makes and removes.
"""

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator
from contextlib import closing, contextmanager
from pathlib import Path

from bench.xdp_generator import Generator as Frames
from bench.xdp_generator import bare_nanoseconds
from bench.xdp_rivals import RIVALS, Rival
from bpf import schema
from bpf.blocker import seed
from bpf.kernel import Kernel
from bpf.ledger import Ledger, Record
from bpf.program import Program
from bpf.target import Target
from tests.bpf.host import Host
from tests.bpf.rounds import rounds
from tests.bpf.rows import ROWS, SOURCE4, V4, Row
from tests.bpf.wire import ATTACKER4, Wire
from tests.faults.sidekick import Sidekick

REPEAT, TRIES = 500_000, 6
SIZES = (1, 10_000, 100_000)
LIFE = 3600 * 10**9
ADDED = 50
ADDING = 3.0
FLOOD = 1.0


@contextmanager
def bpffs() -> Generator[Path]:
    with tempfile.TemporaryDirectory() as home:
        subprocess.run(["mount", "-t", "bpf", "bpf", home], check=True)
        try:
            yield Path(home)
        finally:
            subprocess.run(["umount", home], check=True)


def addresses(count: int) -> list[str]:
    """Sources that send nothing, and the attacker last, where a list of rules is worst."""
    return [f"11.{n >> 16 & 255}.{n >> 8 & 255}.{n & 255}" for n in range(count - 1)] + [ATTACKER4]


def best(program: Program, packet: bytes) -> int:
    return min(program.run(packet, REPEAT).nanoseconds for _ in range(TRIES))


def rows() -> None:
    """The packet table of the tests, each row with its price, the blocker's maps holding what the row says."""
    print("ns a packet, BPF_PROG_TEST_RUN, best of", TRIES, "x", REPEAT)
    print(f"{bare_nanoseconds(V4, REPEAT, TRIES):6}  a bare program that only counts")
    for row in ROWS:
        print(f"{_price(row):6}  {row.name}")
    for size in (10_000, 100_000):
        print(f"{_hit_among(size):6}  IPv4 address among {size:,}")


def _price(row: Row) -> int:
    now = schema.boot_now()
    with bpffs() as pins, closing(Program(pins)) as program:
        program.load()
        with closing(Kernel(pins)) as kernel:
            kernel.allow([Target.parse(text).network for text in row.allowed])
            for text in row.blocked:
                expires = now - 1 if text.startswith("-") else now + LIFE
                kernel.block({Target.parse(text.removeprefix("-")): expires})
            return best(program, row.packet)


def _hit_among(size: int) -> int:
    with bpffs() as pins, closing(Program(pins)) as program:
        program.resize({"blocked4": size})
        program.load()
        listed = [*addresses(size)[:-1], SOURCE4]
        with closing(Kernel(pins)) as kernel:
            kernel.block(dict.fromkeys(map(Target.parse, listed), schema.boot_now() + LIFE))
            return best(program, V4)


def alert() -> None:
    """POST to sidekick → journal → output → daemon → kernel → the first packet seen dropped."""
    with bpffs() as pins, tempfile.TemporaryDirectory() as name, closing(Wire()) as wire:
        home = Path(name)
        host = Host(wire, pins, home)
        host.run("attach", "-i", "eth0", "--mode", "link")
        xdp = {"socket": str(host.socket)}
        with host.serving("--rate", "100000"), Sidekick(home / "sidekick", xdp=xdp) as sidekick:
            rounds(host, sidekick.port, 20)
            taken = [seconds * 1e3 for seconds in rounds(host, sidekick.port, 100)]
        host.run("detach")
    print(f"alert to first dropped packet, 100 rounds: p50 {taken[50]:.2f} ms, p99 {taken[98]:.2f} ms", end="")
    print(f", slowest {taken[-1]:.2f} ms")


def restore() -> None:
    """What `attach` does after a reboot: the ledger's 100,000 records are read and are in the kernel's new map."""
    now, listed = time.time(), addresses(SIZES[-1])
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "blocks.jsonl"
        with closing(Ledger(path)) as ledger:
            ledger.write({Target.parse(text): Record(text, now + 3600, now, reason="flood") for text in listed})
        taken = sorted(_restoring(path, len(listed)) for _ in range(TRIES))
    print(f"{len(listed):,} entries restored: {taken[0]:.2f} s, the slowest of {TRIES} {taken[-1]:.2f} s")


def _restoring(path: Path, size: int) -> float:
    with bpffs() as pins, closing(Program(pins)) as program:
        program.resize({"blocked4": size})
        program.load()
        with closing(Kernel(pins)) as kernel:
            return _seconds(lambda: seed(kernel, path, path.with_name("allowed.txt"), {}))


def rivals() -> None:
    print("ms to add one address (p50), s to load all, dropped packets/s; the generator shares the core")
    for size in SIZES:
        print(f"-- {size:,} entries")
        for rival in RIVALS:
            with bpffs() as pins, tempfile.TemporaryDirectory() as home, closing(Wire()) as wire:
                _compare(rival(wire, pins, Path(home)), size)


def _compare(rival: Rival, size: int) -> None:
    listed = addresses(size)
    # A veth takes redirected frames only where it polls (NAPI): under an XDP program of its own, or with GRO.
    rival.run("ethtool", "-K", "eth0", "gro", "on")
    loading = _seconds(lambda: rival.load(listed))
    adding = _adding(rival)
    with Frames(rival.wire, ATTACKER4) as frames:
        before = rival.dropped()
        rate, sent = frames.rate(FLOOD)
        dropped = rival.dropped() - before
    rival.remove()
    share = f"{dropped / sent:.1%} of {sent:,} frames"
    print(f"{rival.name:28} {adding * 1e3:10.3f} ms {loading:8.2f} s {rate:12,.0f}/s  dropped {share}", flush=True)


def _adding(rival: Rival) -> float:
    taken: list[float] = []
    end = time.perf_counter() + ADDING
    while len(taken) < ADDED and time.perf_counter() < end:
        address = f"12.0.0.{len(taken)}"
        taken.append(_seconds(lambda address=address: rival.add(address)))
    return statistics.median(taken)


def _seconds(work: Callable[[], None]) -> float:
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def main() -> None:
    parts = {"rows": rows, "alert": alert, "restore": restore, "rivals": rivals}
    for name in sys.argv[1:] or list(parts):
        parts[name]()


if __name__ == "__main__":
    main()
