"""What the journal costs: CPU per record by group size and fsync policy, and the start with a backlog of 1 GB.

    python -m bench.journal [DIRECTORY]

CPU is that of the whole process, the thread that syncs included, with one cursor that reads every record from memory.
"""

import asyncio
import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import uvloop

from sidekick.journal import Journal, JournalSettings

ALERT = json.dumps({"uuid": "0" * 36, "output": "x" * 350, "output_fields": {"fd.name": "y" * 250}}).encode()
GROUPS = (1, 16, 256)
SECONDS = 1.0
BACKLOG = 1_000_000_000


def opened(path: Path, **keys: object) -> Journal:
    return Journal.open(JournalSettings.model_validate({"path": str(path), **keys}))


async def append_groups(journal: Journal, size: int, groups: int) -> None:
    """Appends `groups` times `size` alerts, each with an answer of its own, and acknowledges them."""
    loop = asyncio.get_running_loop()
    cursor = journal.cursor("bench")
    for _ in range(groups):
        answered = loop.create_future()
        for _ in range(size - 1):
            journal.append((ALERT,), answer)
        journal.append((ALERT,), answered.set_result)
        if error := await answered:
            raise error
        cursor.advance(cursor.read(cursor.position, size, 1 << 30)[-1].seq + 1)


def answer(error: OSError | None) -> None:
    if error:
        raise error


async def cost(path: Path, fsync: str, size: int) -> tuple[float, float]:
    """µs of CPU and of wall clock for a record."""
    journal = opened(path, fsync=fsync)
    await journal.start()
    count, groups = 0, max(1, 200 // size)
    cpu, start = time.process_time(), time.perf_counter()
    while time.perf_counter() - start < SECONDS:
        await append_groups(journal, size, groups)
        count += groups * size
    cpu, wall = time.process_time() - cpu, time.perf_counter() - start
    await journal.close()
    return cpu / count * 1e6, wall / count * 1e6


async def fill(path: Path) -> None:
    journal = opened(path)
    await journal.start()
    journal.cursor("slow")
    while journal.bytes < BACKLOG:
        await append_backlog(journal)
    await journal.close()


async def append_backlog(journal: Journal) -> None:
    answered = asyncio.get_running_loop().create_future()
    journal.append([ALERT] * 1000, answered.set_result)
    await answered


def start(path: Path) -> None:
    """Prints the time to open, to the first records, to all of them; and memory, so it runs in a process of its own."""
    begin = time.perf_counter()
    journal = opened(path)
    ready = time.perf_counter() - begin
    cursor = journal.cursor("slow")
    after = cursor.read(cursor.position, 500, 5 << 20)[-1].seq + 1
    first = time.perf_counter() - begin
    before = resident()
    while records := cursor.read(after, 500, 5 << 20):
        after = records[-1].seq + 1
    rest = time.perf_counter() - begin - first
    print(f"open {ready * 1e3:.1f} ms, first batch of 500 after {first * 1e3:.1f} ms; ", end="")
    print(f"reading all {cursor.waiting} records {rest / cursor.waiting * 1e6:.2f} µs each, ", end="")
    print(f"resident memory {before:.0f} MB before and {resident():.0f} MB at most while reading")
    asyncio.run(journal.close())


def resident() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    if sys.argv[1:2] == ["start"]:
        return start(Path(sys.argv[2]))
    root = Path(tempfile.mkdtemp(dir=sys.argv[1] if len(sys.argv) > 1 else None))
    try:
        print(f"CPU µs (wall µs) per record of {len(ALERT)} bytes, by group size")
        print("fsync    ", *(f"{size:>20}" for size in GROUPS))
        for fsync in ("everysec", "always", "no"):
            costs = [uvloop.run(cost(root / f"{fsync}{size}", fsync, size)) for size in GROUPS]
            print(f"{fsync:9}", *(f"{cpu:>10.2f} ({wall:.2f})".rjust(20) for cpu, wall in costs))
        uvloop.run(fill(root / "backlog"))
        print("start with 1 GB: ", end="", flush=True)
        subprocess.run([sys.executable, "-m", "bench.journal", "start", root / "backlog"], check=True)
    finally:
        shutil.rmtree(root)
    return None


if __name__ == "__main__":
    main()
