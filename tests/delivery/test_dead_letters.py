"""What cannot be delivered is kept with its reason, whatever happens to the file."""

import asyncio
import fcntl
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import pytest
from aiohttp import web
from hypothesis import given, settings
from hypothesis import strategies as st

from sidekick.delivery import DeadLetters
from tests.delivery.bench import alerts
from tests.faults.endpoint import Endpoint
from tests.faults.falco import Falco
from tests.faults.sidekick import Sidekick


@pytest.fixture
def letters(tmp_path: Path) -> DeadLetters:
    return DeadLetters(tmp_path / "dead", "webhook")


async def test_a_letter_holds_the_event_and_the_reason(letters: DeadLetters) -> None:
    [event] = alerts(1)
    await letters.add(event, 'HTTP 400: "no"')
    [letter] = letters.letters().values()
    assert (letter.id, letter.reason) == (event.uuid, 'HTTP 400: "no"')
    assert letter.decoded() == event


def test_without_a_file_there_are_none(letters: DeadLetters) -> None:
    assert letters.letters() == {}


async def test_letters_stand_in_the_order_of_their_coming_and_leave_one_by_one(letters: DeadLetters) -> None:
    events = alerts(4)
    for event in events:
        await letters.add(event, "x")
    letters.remove([events[1].uuid], "replayed")
    assert list(letters.letters()) == [events[0].uuid, events[2].uuid, events[3].uuid]


async def test_a_line_that_a_crash_cut_costs_itself_only(letters: DeadLetters) -> None:
    first, second, third = alerts(3)
    await letters.add(first, "x")
    await letters.add(second, "x")
    content = letters.path.read_bytes()
    letters.path.write_bytes(content[:-20])
    await letters.add(third, "x")
    assert list(letters.letters()) == [first.uuid, third.uuid]


@pytest.mark.parametrize("byte", [b"\xff", b"\0", b"{"])
async def test_a_damaged_letter_costs_itself_only(letters: DeadLetters, byte: bytes) -> None:
    events = alerts(3)
    for event in events:
        await letters.add(event, "no such field")
    before, damaged, after = letters.path.read_bytes().splitlines(keepends=True)
    for at in range(len(damaged) - 1):
        letters.path.write_bytes(before + damaged[:at] + byte + damaged[at + 1 :] + after)
        whole = {events[0].uuid, events[2].uuid}
        assert whole <= set(letters.letters())
        assert whole <= {letter.id for letter in letters.newest(3)}
        assert whole == set(letters.find(whole))
        assert letters.count() >= 2


async def test_the_file_is_emptied_with_the_last_letter(letters: DeadLetters) -> None:
    events = alerts(2)
    for event in events:
        await letters.add(event, "x")
    letters.remove([event.uuid for event in events], "dropped")
    assert letters.path.stat().st_size == 0


async def test_nobody_else_may_read_it(letters: DeadLetters) -> None:
    await letters.add(alerts(1)[0], "x")
    assert letters.path.stat().st_mode & 0o077 == 0


STEPS = st.lists(st.tuples(st.sampled_from(["add", "remove", "cut", "look"]), st.integers(0, 4)), max_size=12)


@settings(max_examples=60, deadline=None)
@given(steps=STEPS, most=st.integers(0, 6))
def test_however_it_is_asked_the_file_says_the_same(steps: list[tuple[str, int]], most: int) -> None:
    events = alerts(5)
    with TemporaryDirectory() as folder:
        letters = DeadLetters(Path(folder), "webhook")
        for step, number in steps:
            id = events[number].uuid
            if step == "add" and id not in letters.letters():
                asyncio.run(letters.add(events[number], "x"))
            elif step == "remove" and id in letters.letters():
                letters.remove([id], "dropped")
            elif step == "cut":
                with letters.path.open("ab") as file:
                    file.write((b'{"id": "cut', b'{"id":"cut","at')[number % 2])
            assert letters.count() == len(letters.letters())
        there = letters.letters()
        assert letters.newest(most) == list(there.values())[::-1][:most]
        assert letters.find([event.uuid for event in events[:most]]) == {
            event.uuid: there[event.uuid] for event in events[:most] if event.uuid in there
        }


async def test_many_and_long_letters_are_read_from_the_end(letters: DeadLetters) -> None:
    long = msgspec.structs.replace(alerts(1)[0], output="x" * 3_000_000)
    await letters.add(long, "x")
    await letters.add(alerts(2)[1], "x")
    assert [letter.decoded().rule for letter in letters.newest(5)] == ["Rule 1", "Rule 0"]
    assert (letters.count(), letters.newest(0)) == (2, [])


async def test_a_letter_is_looked_for_no_further_back_than_asked(letters: DeadLetters) -> None:
    first, second = alerts(2)
    await letters.add(first, "x")
    at = letters.letters()[first.uuid].at
    letters.path.write_bytes(letters.path.read_bytes().replace(at.encode(), b"2026-05-06T07:08:09.000+00:00"))
    await letters.add(second, "x")
    letters.remove(["gone"], "dropped")
    ids = [first.uuid, second.uuid]
    assert list(letters.find(ids, "2026-05-06T07:08:10.000+00:00")) == [second.uuid]
    assert sorted(letters.find(ids, "2026-05-06T07:08:08.000+00:00")) == sorted(ids)


async def test_a_file_that_was_emptied_and_filled_again_is_counted_anew(letters: DeadLetters) -> None:
    first, *others = alerts(4)
    await letters.add(first, "x")
    assert letters.count() == 1
    other = DeadLetters(letters.path.parent, "webhook")  # as a command does beside the service
    other.remove([first.uuid], "dropped")
    for event in others:
        await other.add(event, "x")
    assert letters.count() == 3


async def test_a_file_that_hangs_does_not_keep_the_process_from_its_end(tmp_path: Path) -> None:
    asked = asyncio.Event()

    async def refuse(body: bytes) -> web.Response:
        asked.set()
        return web.Response(status=400)

    path = tmp_path / "data/dead-letters/webhook.jsonl"
    path.parent.mkdir(parents=True)
    async with Endpoint().listening() as endpoint:
        endpoint.behaviour = refuse
        sidekick = Sidekick(tmp_path, folder=str(tmp_path / "data"), grace="1s", webhook={"address": endpoint.url})
        with path.open("wb") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            await asyncio.to_thread(sidekick.start)
            falco = Falco(sidekick.port)
            assert await falco.post(1) == 200
            await falco.close()
            await asked.wait()
            assert await asyncio.to_thread(sidekick.end) == 0
