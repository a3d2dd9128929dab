"""What is blocked stays blocked: over a killed daemon, a detachment, a reboot, a damaged file."""

import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from bpf import schema
from bpf.allowlist import AllowList
from bpf.blocker import Blocker, seed
from bpf.dry_run import DryRun
from bpf.kernel import Kernel
from bpf.ledger import Ledger, Record, read, wall_expiry
from bpf.policy import Policy
from bpf.program import Program
from bpf.protocol import Wanted
from bpf.target import Target
from tests.bpf.flood import Flood
from tests.bpf.host import Host
from tests.bpf.wire import ATTACKER4, ATTACKER6, FRIEND4, HOST6, Wire, reaches
from tests.deadline import wait_for

MANY = 100_000


def address(number: int) -> str:
    return f"203.{number >> 16}.{number >> 8 & 255}.{number & 255}"


@pytest.fixture
def host(wire: Wire, bpffs: Path, tmp_path: Path) -> Host:
    return Host(wire, bpffs, tmp_path)


def test_a_killed_daemon_lets_nothing_through_and_loses_nothing(host: Host) -> None:
    host.run("attach", "-i", "eth0", "--mode", "link")
    with host.serving() as daemon:
        host.run("block", ATTACKER4, ATTACKER6, "--for", "10m")
        before = host.json("list")
        with Flood(host.wire, ATTACKER4) as flood:
            wait_for(lambda: flood.sent > 1000, what="the flood")
            daemon.kill()
            daemon.wait()
            after = flood.sent
            wait_for(lambda: flood.sent > after + 10_000, what="a flood without a daemon")
    with host.serving():
        rows = {row["target"]: row for row in host.json("list")}
        assert rows[ATTACKER4]["packets"] == flood.sent
        assert flood.delivered() == 0
        assert {row["target"]: row["until"] for row in before} == {row["target"]: row["until"] for row in rows.values()}
        assert not reaches(host.wire, ATTACKER6, HOST6)
        assert reaches(host.wire, FRIEND4, port=5354)
    host.run("detach")


def test_a_reboot_keeps_the_wall_clock(host: Host) -> None:
    """Detaching removes all that a reboot would, and attaching restores before the first packet is seen."""
    host.run("attach", "-i", "eth0", "--mode", "link")
    with host.serving():
        host.run("block", ATTACKER4, "--for", "10m", "--reason", "before")
        host.run("block", ATTACKER6, "--for", "1s")
        before = host.json("list")
    host.run("detach")
    assert reaches(host.wire, ATTACKER4)
    wait_for(lambda: time.time() > before[-1]["since"] + 1.2, what="the end of the short block")

    host.run("attach", "-i", "eth0", "--mode", "generic")
    assert not reaches(host.wire, ATTACKER4)
    assert reaches(host.wire, ATTACKER6, HOST6)
    with host.serving():
        row = host.json("list")[0]
        assert (row["target"], row["reason"]) == (ATTACKER4, "before")
        assert row["until"] == next(old["until"] for old in before if old["target"] == ATTACKER4)
    host.run("detach")


def test_a_hundred_thousand_are_back(bpffs: Path, tmp_path: Path) -> None:
    """How long it takes is measured by `python -m bench.xdp restore`."""
    path, now = tmp_path / "blocks.jsonl", time.time()
    with closing(Ledger(path)) as ledger:
        ledger.write({Target.parse(address(n)): Record(address(n), now + 3600 + n, now) for n in range(MANY)})
    with closing(Program(bpffs)) as program:
        program.resize({"blocked4": MANY})
        program.load()
        with closing(Kernel(bpffs)) as kernel:
            assert seed(kernel, path, tmp_path / "allowed.txt", {}) == 0
            expiries = {str(target): wall_expiry(entry.expires) for target, entry in kernel.entries()}
    assert expiries == {address(n): pytest.approx(now + 3600 + n, abs=0.4) for n in range(MANY)}


def test_an_import_of_a_hundred_thousand(host: Host, tmp_path: Path) -> None:
    lines = tmp_path / "list"
    lines.write_text("".join(f"{address(n + 256)}\n" for n in range(MANY)) + "rubbish\n10.0.0.1\n")
    host.run("attach", "-i", "eth0", "--mode", "link", "--addresses", str(MANY))
    with host.serving():
        assert host.json("import", lines, code=1) == {"blocked": MANY, "refused": 1, "bad_lines": 1}
        assert host.json("stats")["fill"]["blocked4"] == [MANY, MANY]
        assert "holds its 100000 entries" in host.run("block", ATTACKER4, code=1)
        assert host.refused() == {"full": 1, "not_global": 1}
        assert host.json("clear") == {"ended": MANY}
        host.run("block", ATTACKER4)
    host.run("detach")


def test_smaller_maps_hold_what_lasts_longest(host: Host) -> None:
    host.run("attach", "-i", "eth0", "--mode", "link")
    with host.serving():
        for number in range(5):
            host.run("block", f"8.8.8.{number}", "--for", f"{number + 1}h")
    host.run("detach")
    assert "no room for 3" in host.run("attach", "-i", "eth0", "--mode", "link", "--addresses", "2")
    with host.serving():
        assert host.refused() == {"full": 3}
        assert host.json("stats")["fill"]["blocked4"] == [2, 2]
        assert {row["target"] for row in host.json("list")} == {"8.8.8.4", "8.8.8.3"}
        host.run("unblock", "8.8.8.4", "8.8.8.3")
        assert host.json("stats")["fill"]["blocked4"] == [0, 2]
        host.run("clear")
    with host.serving():
        assert host.json("list") == []
    host.run("detach")


def test_what_only_the_kernel_knows_is_adopted(host: Host) -> None:
    host.run("attach", "-i", "eth0", "--mode", "link")
    with closing(Kernel(host.pins / "v1")) as kernel:
        kernel.block({Target.parse(ATTACKER4): schema.boot_now() + 60 * 10**9, Target.parse(ATTACKER6): 0})
    with host.serving():
        rows = {row["target"]: row for row in host.json("list")}
        assert {row["origin"] for row in rows.values()} == {"kernel"}
        assert 0 < rows[ATTACKER4]["until"] - time.time() < 61
        host.run("unblock", ATTACKER4, ATTACKER6)
    host.run("detach")


def test_a_loader_that_comes_back_finds_the_daemon(host: Host) -> None:
    host.run("attach", "-i", "eth0", "--mode", "link")
    with host.serving():
        host.run("block", ATTACKER4)
        host.run("detach")
        assert "nothing is attached" in host.run("block", ATTACKER6, code=4)
        assert "nothing is attached" in host.run("list", code=4)
        host.run("attach", "-i", "eth0", "--mode", "link")
        assert not reaches(host.wire, ATTACKER4)
        host.run("block", ATTACKER6)
        assert not reaches(host.wire, ATTACKER6, HOST6)
        assert len(host.json("list")) == 2
    host.run("detach")


@pytest.mark.parametrize(
    "damage", [b"{", b"\xff\xfe\n", b'{"target": "nonsense", "until": 1e12}\n', b"[]\n", b"\0" * 99]
)
def test_a_damaged_line_costs_that_line_only(tmp_path: Path, damage: bytes) -> None:
    path = tmp_path / "blocks.jsonl"
    ledger = Ledger(path)
    first, second = Target.parse("192.0.2.1"), Target.parse("192.0.2.2")
    ledger.write({first: Record(str(first), time.time() + 60)})
    ledger.close()
    with path.open("ab") as file:
        file.write(damage)
    again = Ledger(path)
    again.write({second: Record(str(second), time.time() + 60)})
    again.close()
    assert again.damaged == 1
    records, damaged = read(path)
    assert (set(records), damaged) == ({first, second}, 0)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 KiB, where a host's state is."""
    path = tmp_path / "state"
    path.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", path], check=True)
    yield path
    subprocess.run(["umount", path], check=True)


def test_a_full_disk_keeps_nobody_from_blocking_and_is_caught_up_with(tmp_path: Path, small_disk: Path) -> None:
    host = Host(None, tmp_path / "none", tmp_path)
    rest = small_disk / "rest"
    with host.serving("--dry-run"):
        host.run("block", "8.8.4.1", "8.8.4.2")
        with pytest.raises(OSError, match="No space left"), rest.open("wb") as file:
            file.write(b"x" * (1 << 20))
        for number in range(3, 9):
            host.run("block", f"8.8.4.{number}", "--reason", "x" * 3000)
        host.run("unblock", "8.8.4.1")
        assert "No space left" in host.run("allow", "8.8.4.8", code=1)
        assert "8.8.4.8" not in host.run("allow")
        before = {row["target"] for row in host.json("list")}
        assert before == {f"8.8.4.{number}" for number in range(2, 9)}
        rest.unlink()
    with host.serving("--dry-run"):
        assert {row["target"] for row in host.json("list")} == before


def test_a_daemon_starts_on_a_full_disk_too(tmp_path: Path, small_disk: Path) -> None:
    host = Host(None, tmp_path / "none", tmp_path)
    rest = small_disk / "rest"
    with host.serving("--dry-run"):
        host.run("block", "8.8.4.1")
    with pytest.raises(OSError, match="No space left"), rest.open("wb") as file:
        file.write(b"x" * (1 << 20))
    with host.serving("--dry-run"):
        host.run("block", "8.8.4.2")
        rest.unlink()
    with host.serving("--dry-run"):
        assert {row["target"] for row in host.json("list")} == {"8.8.4.1", "8.8.4.2"}


def test_clear_ends_what_the_ledger_has_forgotten_too(tmp_path: Path) -> None:
    """A clock set forward by more than a week makes it forget what the kernel, whose clock is not, still holds."""
    with closing(Ledger(tmp_path / "blocks.jsonl")) as ledger:
        blocker = Blocker(DryRun(), ledger, Policy(), AllowList(tmp_path / "allowed.txt"))
        blocker.block([Wanted("8.8.4.1"), Wanted("8.8.4.2")], "command")
        ledger.forget(time.time() + 30 * 86400)
        blocker.clear()
        assert list(blocker.backend.entries()) == []


def test_history_does_not_grow_without_end(tmp_path: Path) -> None:
    path = tmp_path / "blocks.jsonl"
    ledger = Ledger(path)
    target = Target.parse("192.0.2.1")
    for number in range(2000):
        ledger.write({target: Record(str(target), time.time() + number)})
    ledger.forget(time.time())
    ledger.close()
    assert len(path.read_bytes().splitlines()) == 1
