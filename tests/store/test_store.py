"""The embedded store through its doors: the output that writes it, the reader, and `sidekick events`."""

import asyncio
import gc
import json
import os
import random
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from outputs.store import Store, StoreSettings
from sidekick.event import Event, decode
from sidekick.filter import Filter, compile_filter
from sidekick.filter.syntax import And, Comparison, Not, Or, Value
from sidekick.sdk import Context
from sidekick.store import Limits, Reader, Search, StoreError, Writer
from tests.deadline import until
from tests.faults.falco import Falco
from tests.faults.sidekick import Sidekick
from tests.recorded import recorded_alerts


def alerts(count: int) -> list[Event]:
    body = {"rule": "r", "priority": "Error", "output": "x"}
    return [
        decode(
            json.dumps(body | {"time": f"2026-05-06T07:{n // 60:02}:{n % 60:02}Z", "output_fields": {"n": n}}).encode()
        )[0]
        for n in range(count)
    ]


@pytest.fixture
async def path(tmp_path: Path) -> Path:
    return tmp_path / "events.sqlite"


@pytest.fixture
async def reader(path: Path) -> AsyncIterator[Reader]:
    reader = Reader(path, limit=30)
    yield reader
    await reader.close()


async def write(path: Path, events: Sequence[Event], **settings: Any) -> None:
    store = Store(StoreSettings.model_validate({"path": str(path)} | settings), Context())
    await store.connect()
    await store.send(events)
    await store.close()


async def found(reader: Reader, **wanted: Any) -> list[Event]:
    page = await reader.find(Search(**wanted, limit=10_000))
    assert page.complete
    return [Event.from_json(stored.alert) for stored in page.events]


async def test_recorded_alerts_come_back_whole_and_each_once(path: Path, reader: Reader) -> None:
    events = [event for body in recorded_alerts() for event in decode(body)]
    await write(path, events)
    await write(path, events)
    kept = await found(reader)
    assert {event.uuid: event for event in kept} == {event.uuid: event for event in events}
    assert len(kept) == len(events)


async def test_search_agrees_with_a_look_at_each_alert(path: Path, reader: Reader) -> None:
    events = [event for body in recorded_alerts() for event in decode(body)]
    await write(path, events)
    for text in (
        "priority >= Error",
        "fd.rip exists",
        "proc.name = bash",
        "rule icontains shell or source = k8s_audit",
    ):
        condition = compile_filter(text)
        assert {event.uuid for event in await found(reader, condition=condition)} == {
            event.uuid for event in events if condition(event)
        }, text


ODD = (
    *("", "a", "A b", "1", "1.0", "1.50", "1e2", "0x10", "10.0.0.1", ".", "*", '"', "%", "_", "\\"),
    *("NEAR(a, b)", "a:b^", "ß", "İ", "\0"),
)
NUMBERS = ("0", "1", "1.0", "1.5", "1.50", "16", "100", "1e2", "-1", "true", "null")
FIELDS = ("k8s.ns.name", "ka.target.namespace", "container.image.repository", "proc.name", "fd.name")


def odd_alerts(chance: random.Random, count: int) -> list[Event]:
    """Whose fields are texts, numbers, lists and objects of those."""

    def value(depth: int = 0) -> str:
        kinds = [lambda: json.dumps(chance.choice(ODD)), lambda: chance.choice(NUMBERS)]
        if depth < 2:
            kinds += [lambda: f"[{value(depth + 1)}, {value(depth + 1)}]", lambda: f'{{"a": {value(depth + 1)}}}']
        return chance.choice(kinds)()

    def body(number: int) -> str:
        own = {"rule": chance.choice(ODD) or "r", "source": chance.choice(ODD) or "s", "hostname": chance.choice(ODD)}
        fields = ", ".join(f'"{name}": {value()}' for name in FIELDS if chance.random() < 0.7)
        common = {"priority": "Error", "output": "o", "time": f"2026-05-06T07:{number // 60:02}:{number % 60:02}Z"}
        return json.dumps(own | common)[:-1] + f', "output_fields": {{{fields}}}}}'

    return [event for number in range(count) for event in decode(body(number).encode())]


async def test_search_agrees_with_a_look_at_each_of_the_oddest_alerts(path: Path, reader: Reader) -> None:
    chance = random.Random(9)
    events = odd_alerts(chance, 300)
    await write(path, events)
    matched = 0
    for field in (*FIELDS, "rule", "source", "hostname"):
        for operator in ("=", "in", "intersects", "!="):
            for first in (*ODD, *NUMBERS):
                values = (Value(first),) if operator in "!=" else (Value(first), Value(chance.choice(ODD)))
                one = Comparison(field, operator, values)
                condition = compile_filter(str(chance.choice([one, And((one, one)), Or((one, one)), Not(one)])))
                expected = {event.uuid for event in events if condition(event)}
                assert {event.uuid for event in await found(reader, condition=condition)} == expected, str(condition)
                matched += len(expected)
    assert matched > 10_000


@pytest.mark.parametrize("text", ["\udcff", "a\ud800b"])
async def test_half_a_surrogate_pair_is_told_to_be_no_text(path: Path, reader: Reader, text: str) -> None:
    """As a terminal's bytes are that are no UTF-8."""
    await write(path, alerts(1))
    asked = [
        lambda: reader.find(Search(words=text)),
        lambda: reader.find(Search(condition=compile_filter(f"rule = '{text}'"))),
        lambda: reader.one(text),
        lambda: reader.top("rule", 0, 1, {"host": text}),
    ]
    for ask in asked:
        with pytest.raises(StoreError, match="no text"):
            await ask()


async def test_pages_follow_each_other_without_gap_or_double(path: Path, reader: Reader) -> None:
    events = alerts(100)
    await write(path, events)
    seen: list[str] = []
    before = None
    while True:
        page = await reader.find(Search(before=before, limit=7))
        seen += [Event.from_json(stored.alert).uuid for stored in page.events]
        if (before := page.next) is None:
            break
    assert seen == [event.uuid for event in reversed(events)]


async def test_a_search_without_time_goes_on_where_it_stopped_though_it_had_found_nothing(path: Path) -> None:
    among = alerts(3000)
    await write(path, [among[0], *among[1000:], among[1]])
    hurried = Reader(path, limit=0.0)
    wanted = {"since": among[0].timestamp_ns // 1000, "until": among[2].timestamp_ns // 1000}
    kept: list[Event] = []
    place: int | None = None
    for _ in range(1000):
        page = await hurried.find(Search(**wanted, before=place))
        kept += [Event.from_json(stored.alert) for stored in page.events]
        place = page.next
        if place is None:
            break
    assert [event.uuid for event in kept] == [among[1].uuid, among[0].uuid]
    await hurried.close()


class Held(Filter):
    """Looks at no alert before it is let go."""

    __slots__ = ("begun", "go")

    def __init__(self) -> None:
        whole = compile_filter("n < 0")
        super().__init__(whole.text, whole.expression)
        self.begun, self.go = threading.Event(), threading.Event()

    def __call__(self, event: Event) -> bool:
        self.begun.set()
        self.go.wait(60)
        return super().__call__(event)


async def test_a_search_that_nobody_waits_for_any_more_does_not_hold_up_the_next(path: Path, reader: Reader) -> None:
    await write(path, alerts(2))
    held = Held()
    search = asyncio.create_task(reader.find(Search(condition=held)))
    await until(held.begun.is_set, what="the search")
    search.cancel()
    try:
        async with asyncio.timeout(30):
            assert await reader.extent()
            assert await reader.extent()
    finally:
        held.go.set()


async def test_a_search_that_is_given_up_before_its_turn_is_not_made(path: Path, reader: Reader) -> None:
    await write(path, alerts(2))
    searched, given_up = [Held(), Held()], Held()
    searches = [asyncio.create_task(reader.find(Search(condition=held))) for held in searched]
    try:
        for held in searched:
            await until(held.begun.is_set, what="the searches")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.find(Search(condition=given_up)), 0.1)
        for held in searched:
            held.go.set()
        await asyncio.gather(*searches)
        assert await reader.extent()
        assert not given_up.begun.is_set()
    finally:
        for held in (*searched, given_up):
            held.go.set()


class Slow(Filter):
    """Finds nothing, and takes its time over each alert."""

    __slots__ = ("seen",)

    def __init__(self) -> None:
        whole = compile_filter("n < 0")
        super().__init__(whole.text, whole.expression)
        self.seen = 0

    def __call__(self, event: Event) -> bool:
        self.seen += 1
        time.sleep(0.1)
        return super().__call__(event)


async def test_a_search_has_two_seconds(path: Path) -> None:
    await write(path, alerts(35))
    reader, slow = Reader(path), Slow()
    page = await reader.find(Search(condition=slow))
    await reader.close()
    assert (page.complete, page.events) == (False, [])
    assert slow.seen >= 10


async def test_the_oldest_go_when_the_file_is_too_large(path: Path, reader: Reader) -> None:
    size = 1_000_000
    for _ in range(30):
        await write(path, alerts(200), size=size)
    kept = await found(reader)
    assert 0 < len(kept) < 6000
    assert await asyncio.to_thread(os.path.getsize, path) <= size * 1.05


def named(first: int, count: int) -> list[Event]:
    """Alerts whose image no other has."""
    body = {"rule": "r", "priority": "Error", "output": "x", "time": "2026-05-06T07:00:00Z"}
    images = (f"image-{number:06}-{'x' * 600}" for number in range(first, first + count))
    fields = ({"container.image.repository": image} for image in images)
    return [decode(json.dumps(body | {"output_fields": one}).encode())[0] for one in fields]


async def test_names_go_with_the_last_event_that_has_them_or_they_would_leave_no_room(
    path: Path, reader: Reader
) -> None:
    size = 2_000_000
    for first in range(0, 3000, 100):
        await write(path, named(first, 100), size=size)
    kept = await found(reader)
    assert len(kept) >= 100
    assert await asyncio.to_thread(os.path.getsize, path) <= size * 1.05
    tallies = await reader.top("image", 0, 1 << 33, {}, len(kept) + 1)
    assert Counter(dict(tallies)) == Counter(event.fields["container.image.repository"] for event in kept)


async def test_a_name_that_another_writer_removed_is_made_anew(path: Path, reader: Reader) -> None:
    clock = 0.0
    first = Writer.open(path, Limits(age=1e9, size=1 << 40), lambda: clock)
    first.add(named(1, 1))
    other = Writer.open(path, Limits(age=10, size=1 << 40), lambda: 1000.0)
    other.keep_limits()
    clock = 1000.0
    again = named(1, 1)
    first.add(again)
    other.add(named(2, 1))
    assert [tally.events for tally in await reader.top("image", 0, 1 << 33, {})] == [1, 1]
    image = str(again[0].fields["container.image.repository"])
    assert await reader.top("image", 0, 1 << 33, {"image": image}) == [(image, 1)]
    assert [one.uuid for one in await found(reader, condition=compile_filter(f"container.image.repository = {image}"))]
    first.close()
    other.close()


@pytest.mark.parametrize("apart", [False, True])
async def test_a_file_that_is_taken_away_is_made_anew_and_one_in_its_place_is_read(path: Path, apart: bool) -> None:
    reader = Reader(path, limit=30, apart=apart)
    store = Store(StoreSettings(path=str(path)), Context())
    await store.connect()
    before, after = alerts(3), alerts(2)
    await store.send(before)
    assert len(await found(reader)) == 3
    for file in await asyncio.to_thread(lambda: list(path.parent.glob(f"{path.name}*"))):
        file.unlink()
    with pytest.raises(StoreError, match="there is no store"):
        await found(reader)
    await store.send(after)
    assert {event.uuid for event in await found(reader)} == {event.uuid for event in after}
    await store.close()
    await reader.close()


async def test_a_file_is_shortened_when_less_is_allowed(path: Path, reader: Reader) -> None:
    await write(path, alerts(3000))
    before = await asyncio.to_thread(os.path.getsize, path)
    await write(path, [], size=before // 2)
    assert 0 < len(await found(reader)) < 3000
    assert before * 0.45 <= await asyncio.to_thread(os.path.getsize, path) <= before * 0.525


async def test_a_reader_that_is_closed_holds_nothing(path: Path) -> None:
    await write(path, alerts(1))
    reader = Reader(path, limit=30)
    gc.disable()
    try:
        await found(reader)
        await reader.close()
        assert not [name for name in open_files() if name.startswith(str(path))]
    finally:
        gc.enable()


def open_files() -> list[str]:
    return [os.path.realpath(f"/proc/self/fd/{descriptor}") for descriptor in os.listdir("/proc/self/fd")]


async def test_the_service_fills_it_and_the_command_searches_it(tmp_path: Path, path: Path) -> None:
    sidekick = Sidekick(tmp_path, store={"path": str(path)})
    await asyncio.to_thread(sidekick.start)
    falco = Falco(sidekick.port)
    for number in range(20):
        assert await falco.post(number) == 200
    await falco.close()
    await until(lambda: sidekick.metric("sidekick_output_lag_records", output="store") == 0)
    line = [sys.executable, "-m", "sidekick", "events", "-c", str(sidekick.configuration)]

    def run(*words: str) -> str:
        return subprocess.run([*line, *words], capture_output=True, text=True, check=True, timeout=60).stdout

    rows = (await asyncio.to_thread(run, "--json", "--filter", "test.number >= 15", "shadow")).splitlines()
    assert [json.loads(row)["output_fields"]["test.number"] for row in rows] == [19, 18, 17, 16, 15]
    assert "Read sensitive file" in await asyncio.to_thread(run, "--limit", "1")
    assert await asyncio.to_thread(run, "nowhere") == "No such alerts.\n"
    assert await asyncio.to_thread(sidekick.end) == 0
