"""Counts over any stretch of time are those of a look at each alert, before and after the oldest are gone."""

import datetime as dt
import json
import random
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import pytest

from sidekick.event import Event, decode
from sidekick.store import DIMENSIONS, Limits, Reader, Writer

NEW_YEAR = int(dt.datetime(2026, 1, 1, tzinfo=dt.UTC).timestamp())
DAYS = 4
ALERTS = 1000
KEEP_ALL = Limits(age=1e9, size=1 << 40)
FACETS: list[dict[str, str]] = [
    {},
    {"rule": "rule-1"},
    {"priority": "Error"},
    {"rule": "rule-2", "priority": "Error"},
    {"rule": "rule-1", "host": "node-0"},
    {"namespace": "none such"},
]


def alerts() -> list[Event]:
    chance = random.Random(7)
    times = sorted(NEW_YEAR + chance.randrange(DAYS * 86_400) for _ in range(ALERTS))
    return [alert(time, chance) for time in times]


def alert(time: int, chance: random.Random) -> Event:
    text = {
        "rule": f"rule-{chance.randrange(4)}",
        "priority": chance.choice(("Error", "Notice")),
        "output": "o",
        "hostname": f"node-{chance.randrange(3)}",
        "time": dt.datetime.fromtimestamp(time, dt.UTC).isoformat().replace("+00:00", "Z"),
        "output_fields": {"k8s.ns.name": f"team-{chance.randrange(3)}"},
    }
    [event] = decode(json.dumps(text).encode())
    return event


class Seen(NamedTuple):
    """What of an alert counts."""

    second: int
    labels: dict[str, str]


def seen(event: Event) -> Seen:
    namespace = str(event.fields["k8s.ns.name"])
    texts = (event.priority.value, event.rule, event.source, event.hostname, namespace, "")
    return Seen(event.timestamp_ns // 10**9, dict(zip(DIMENSIONS, texts, strict=True)))


def stretches() -> Iterator[tuple[int, int]]:
    chance = random.Random(8)
    yield NEW_YEAR, NEW_YEAR + DAYS * 86_400
    yield NEW_YEAR - 86_400, NEW_YEAR + 30 * 86_400
    for most in (600, 3600, 7 * 3600, 20 * 3600, DAYS * 86_400):
        for _ in range(4):
            since = NEW_YEAR + chance.randrange(DAYS * 86_400)
            yield since, since + chance.randrange(1, most)


def chosen(alerts: list[Seen], since: int, until: int, wanted: Mapping[str, str]) -> list[Seen]:
    return [one for one in alerts if since <= one.second < until and wanted.items() <= one.labels.items()]


async def agree(reader: Reader, events: list[Event]) -> None:
    alerts = list(map(seen, events))
    for since, until in stretches():
        # A count begins and ends with a minute.
        first, last = since // 60 * 60, -(-until // 60) * 60
        for wanted in FACETS:
            within = chosen(alerts, first, last, wanted)
            for dimension in ("priority", "rule", "host"):
                found = await reader.top(dimension, since, until, wanted)
                assert dict(found) == Counter(one.labels[dimension] for one in within)
            bars = await reader.histogram(since, until, wanted)
            starts = Counter(
                (one.second // bars.step * bars.step, one.labels["priority"])
                for one in chosen(alerts, bars.since, bars.until, wanted)
            )
            assert {(bar.start, bar.priority): bar.events for bar in bars.bars} == starts
            assert bars.since <= since < until <= bars.until
            assert len(range(bars.since, bars.until, bars.step)) <= 122


@pytest.fixture
async def reader(tmp_path: Path) -> AsyncIterator[Reader]:
    reader = Reader(tmp_path / "events.sqlite", limit=30)
    yield reader
    await reader.close()


async def test_counts_agree_with_a_look_at_each_alert(tmp_path: Path, reader: Reader) -> None:
    events, now = alerts(), [0.0]
    writer = Writer.open(tmp_path / "events.sqlite", KEEP_ALL, lambda: now[0])
    for at in range(0, ALERTS, 100):
        now[0] = at
        writer.add(events[at : at + 100])
    await agree(reader, events)
    writer.close()
    # The first 500 came in before the time of which alerts are kept.
    writer = Writer.open(tmp_path / "events.sqlite", Limits(age=100, size=1 << 40), lambda: 600.0)
    writer.keep_limits()
    await agree(reader, events[500:])
    writer.close()
