"""What cannot be delivered is kept with its reason, whatever happens to the file."""

from pathlib import Path

import pytest

from sidekick.delivery import DeadLetters
from tests.delivery.bench import alerts


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


async def test_the_file_is_emptied_with_the_last_letter(letters: DeadLetters) -> None:
    events = alerts(2)
    for event in events:
        await letters.add(event, "x")
    letters.remove([event.uuid for event in events], "dropped")
    assert letters.path.stat().st_size == 0


async def test_nobody_else_may_read_it(letters: DeadLetters) -> None:
    await letters.add(alerts(1)[0], "x")
    assert letters.path.stat().st_mode & 0o077 == 0
