"""The embedded store with millions of alerts in it: `python -m bench.store [--alerts N] [--home FOLDER]`.

The alerts are written as the output writes them, 1,000 at a time, each batch synced. Then the questions that the page
asks are timed on the page's own way, 20 times with the file in the page cache, and 20 times with it thrown out of there
and a connection of its own. Last the file is held at its size while more comes in.
"""

import argparse
import asyncio
import os
import resource
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from bench.store_events import DAYS, FIRST, made
from sidekick.event import Event
from sidekick.filter import compile_filter
from sidekick.store import DIMENSIONS, Limits, Reader, Search, StoreError, Writer

BATCH = 1000
RUNS = 20
SINCE = int(FIRST.timestamp())
UNTIL = SINCE + DAYS * 86_400
NO_LIMITS = Limits(age=float("inf"), size=1 << 62)
RETAINED = 0.04
"""Of the alerts, how many more come in while the file is held at its size."""

Question = Callable[[Reader], Awaitable[object]]


class Cost(NamedTuple):
    """Microseconds an alert."""

    cpu: float
    wall: float


def load(path: Path, alerts: Iterator[Event], limits: Limits, after: Callable[[], None] = lambda: None) -> Cost:
    """Writes all of them, and calls `after` behind each batch; making them is not part of the cost."""
    writer = Writer.open(path, limits)
    count = cpu = wall = 0
    while batch := list(islice(alerts, BATCH)):
        _ = [event.json for event in batch]  # as they come from the journal, with their text at hand
        before = time.process_time_ns(), time.perf_counter_ns()
        writer.add(batch)
        writer.keep_limits()
        cpu, wall = cpu + time.process_time_ns() - before[0], wall + time.perf_counter_ns() - before[1]
        count += len(batch)
        after()
    writer.close()
    return Cost(cpu / count / 1e3, wall / count / 1e3)


def size(path: Path) -> int:
    """Bytes on the disk, the write-ahead log included."""
    return sum(file.stat().st_size for file in path.parent.glob(f"{path.name}*"))


def questions(sample: Event) -> dict[str, Question]:
    """What the page asks; `sample` is an alert from the middle, so that there is something to be found."""
    address, pod = sample.fields["fd.rip"], sample.fields["k8s.pod.name"]
    facet = {"rule": sample.rule}
    return {
        "first page": _find(),
        "page in the middle of the time": _find(until=sample.timestamp_ns // 1000),
        "words, seldom": _find(words=address),
        "words, in many alerts": _find(words="sensitive shell*"),
        "words that are nowhere": _find(words="nowhere to be found"),
        f"k8s.pod.name = {pod}": _find(where=f"k8s.pod.name = {pod}"),
        f"fd.name = {sample.fields['fd.name']}": _find(where=f"fd.name = {sample.fields['fd.name']}"),
        "filter: priority, namespace and command": _find(
            where="priority >= Warning and k8s.ns.name in (team-7, kube-system) and proc.cmdline contains shadow"
        ),
        "filter: address in a network, hour": _find(
            where=f"fd.rip net {address}/24", since=(UNTIL - 3600) * 1_000_000, until=UNTIL * 1_000_000
        ),
        "one alert by its id": lambda reader: reader.one(sample.uuid),
        "histogram, all days": lambda reader: reader.histogram(SINCE, UNTIL, {}),
        "histogram, one rule": lambda reader: reader.histogram(SINCE, UNTIL, facet),
        "histogram, six hours": lambda reader: reader.histogram(UNTIL - 6 * 3600, UNTIL, {}),
        "top rules, all days": lambda reader: reader.top("rule", SINCE, UNTIL, {}),
        "top hosts of one rule, all days": lambda reader: reader.top("host", SINCE, UNTIL, facet),
        "all that the first page shows": _whole_page,
    }


def _find(words: str = "", where: str = "", since: int | None = None, until: int | None = None) -> Question:
    wanted = Search(words, compile_filter(where) if where else None, since, until)

    async def find(reader: Reader) -> object:
        page = await reader.find(wanted)
        if not page.complete:
            raise StoreError("not within the time of a query")
        return page

    return find


async def _whole_page(reader: Reader) -> None:
    await _find()(reader)
    await asyncio.gather(*(reader.top(name, SINCE, UNTIL, {}) for name in DIMENSIONS))
    await reader.histogram(SINCE, UNTIL, {})


async def warm(path: Path, question: Question) -> list[float]:
    """Milliseconds of each run, after one that is not counted."""
    reader = Reader(path)
    await question(reader)
    times = [await _timed(partial(question, reader)) for _ in range(RUNS)]
    await reader.close()
    return times


async def cold(path: Path, question: Question) -> list[float]:
    times: list[float] = []
    for _ in range(RUNS):
        _forget(path)
        reader = Reader(path)
        times.append(await _timed(partial(question, reader)))
        await reader.close()
    return times


async def _timed(work: Callable[[], Awaitable[object]]) -> float:
    begin = time.perf_counter()
    await work()
    return (time.perf_counter() - begin) * 1e3


def _forget(path: Path) -> None:
    """Throws the file out of the page cache."""
    descriptor = os.open(path, os.O_RDONLY)
    os.fdatasync(descriptor)
    os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    os.close(descriptor)


def ask(path: Path, sample: Event) -> None:
    print(f"{'ms, of 20 runs':58}{'warm p50':>10}{'max':>8}{'cold p50':>10}{'max':>8}")
    for title, question in questions(sample).items():
        row: list[float] = []
        for way in (warm, cold):
            try:
                times = asyncio.run(way(path, question))
            except StoreError as error:
                print(f"{title:58}{error}", flush=True)
                break
            row += statistics.median(times), max(times)
        else:
            print(f"{title:58}{row[0]:10.1f}{row[1]:8.1f}{row[2]:10.1f}{row[3]:8.1f}", flush=True)


def retain(path: Path, alerts: Iterator[Event]) -> None:
    """More alerts into a file that may not grow."""
    allowed = size(path)
    sizes: list[int] = []
    cost = load(path, alerts, Limits(age=float("inf"), size=allowed), lambda: sizes.append(size(path)))
    print(
        f"held at {allowed / 1e6:,.0f} MB: {min(sizes) / allowed:.1%} to {max(sizes) / allowed:.1%} of it on disk",
        end="",
    )
    print(f", {cost.cpu:.0f} µs of CPU an alert that comes and makes one go ({cost.wall:.0f} µs of time)")


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6


def measure(path: Path, count: int) -> None:
    more = int(count * RETAINED)
    alerts = made(count + more, DAYS * (1 + RETAINED))
    at_start = peak_mb()
    cost = load(path, islice(alerts, count), NO_LIMITS)
    print(f"{count:,} alerts: {cost.cpu:.1f} µs of CPU an insert ({cost.wall:.1f} µs of time), ", end="")
    print(f"{size(path) / count:.0f} bytes each on disk, {size(path) / 1e9:.2f} GB", flush=True)
    ask(path, asyncio.run(_middle(path)))
    retain(path, alerts)
    print(f"at most {peak_mb():.0f} MB resident, {at_start:.0f} MB before the first alert")


async def _middle(path: Path) -> Event:
    """An alert of a connection, from the middle of the time."""
    reader = Reader(path)
    condition = compile_filter("fd.rip exists and fd.name exists and k8s.pod.name exists")
    page = await reader.find(Search(condition=condition, until=(SINCE + UNTIL) // 2 * 1_000_000, limit=1))
    await reader.close()
    return Event.from_json(page.events[0].alert)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--alerts", type=int, default=5_000_000)
    parser.add_argument(
        "--home", type=Path, help="where to put the file, some 2 KB an alert; a temporary folder if unset"
    )
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.home) as home:
        measure(Path(home, "events.sqlite"), arguments.alerts)


if __name__ == "__main__":
    main()
