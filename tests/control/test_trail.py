import fcntl
import subprocess
import sys
from pathlib import Path

from sidekick.control.trail import Trail


async def test_entries_outlive_the_process_the_newest_first(tmp_path: Path) -> None:
    for number in range(3):
        await Trail(tmp_path / "trail.jsonl").note("mara", "pause", f"output {number}")
    entries = await Trail(tmp_path / "trail.jsonl").entries()
    assert [entry.target for entry in entries] == ["output 2", "output 1", "output 0"]
    assert [entry.target for entry in await Trail(tmp_path / "trail.jsonl").entries(1)] == ["output 2"]
    assert await Trail(tmp_path / "nothing.jsonl").entries() == []


async def test_a_line_cut_by_a_crash_costs_no_other(tmp_path: Path) -> None:
    path = tmp_path / "trail.jsonl"
    trail = Trail(path)
    await trail.note("mara", "pause", "slack", 'a "reason"\nin two lines')
    path.write_bytes(path.read_bytes() + b'{"at": "20\xff6"}\n{"at": "2026')
    await trail.note("tom", "resume", "slack")
    assert [entry.by for entry in await trail.entries()] == ["tom", "mara"]
    assert (await trail.entries())[1].detail == 'a "reason"\nin two lines'
    assert path.stat().st_mode & 0o777 == 0o600


async def test_a_long_trail_is_read_from_its_end(tmp_path: Path) -> None:
    path = tmp_path / "trail.jsonl"
    trail = Trail(path)
    await trail.note("mara", "first", "x" * 300_000)
    path.write_bytes(path.read_bytes() * 20)
    await trail.note("mara", "last", "x")
    assert [entry.action for entry in await trail.entries(5)] == ["last", *["first"] * 4]
    assert len(await trail.entries()) == 21


def test_a_file_that_hangs_does_not_keep_the_process_from_its_end(tmp_path: Path) -> None:
    path = tmp_path / "trail.jsonl"
    with path.open("wb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        done = subprocess.run([sys.executable, "-c", GIVE_UP, str(path)], timeout=30, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")


GIVE_UP = """
import asyncio, contextlib, pathlib, sys
from sidekick.control.trail import Trail

async def note():
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(0.1):
            await Trail(pathlib.Path(sys.argv[1])).note("mara", "pause", "slack")
        sys.exit("it did not hang")

asyncio.run(note())
"""
