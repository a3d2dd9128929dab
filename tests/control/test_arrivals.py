"""What is accepted, as it comes."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path

import pytest

from sidekick.control import RefusedError
from sidekick.control.arrivals import Arrivals
from sidekick.event import Event, decode
from sidekick.filter import compile_filter
from sidekick.journal import Journal, JournalSettings
from tests.deadline import until
from tests.faults.falco import body


@pytest.fixture
async def journal(tmp_path: Path) -> AsyncIterator[Journal]:
    journal = Journal.open(JournalSettings(path=str(tmp_path), fsync="no"))
    await journal.start()
    yield journal
    await journal.close()


class Follower:
    def __init__(self, arrivals: Arrivals, words: str = "", condition: str = "") -> None:
        self.events: list[Event] = []
        self.told = 0
        self.longest = 0
        self.welcome = True
        wanted = compile_filter(condition) if condition else None
        self.task = asyncio.create_task(self._follow(arrivals.follow(words, wanted, lambda: self.welcome)))

    async def _follow(self, events: "AsyncIterator[list[Event]]") -> None:
        async with aclosing(events):  # type: ignore[type-var]
            async for some in events:
                self.events += some
                self.longest = max(self.longest, sum(len(event.json) for event in some))
                self.told += 1

    @property
    def numbers(self) -> list[int]:
        return [int(event.fields["test.number"]) for event in self.events]


def append(journal: Journal, *numbers: int) -> None:
    journal.append([decode(body(number))[0].json for number in numbers], lambda error: None)


async def test_followers_see_what_comes_after_them_and_what_they_want(journal: Journal) -> None:
    arrivals = Arrivals(journal)
    append(journal, 1)
    await until(lambda: journal.next_seq == 1)
    everything, some = Follower(arrivals), Follower(arrivals, condition="test.number in (3, 4)")
    await until(lambda: arrivals.followers == 2)
    append(journal, 2, 3)
    await until(lambda: everything.events and some.events)
    append(journal, 4)
    await until(lambda: everything.numbers == [2, 3, 4])
    await until(lambda: some.numbers == [3, 4])
    arrivals.close()
    await asyncio.gather(everything.task, some.task)
    assert arrivals.followers == 0
    assert journal.cursors == []


async def test_long_alerts_come_in_parts_of_bounded_length_and_none_is_left_out(journal: Journal) -> None:
    arrivals = Arrivals(journal)
    follower = Follower(arrivals)
    await until(lambda: arrivals.followers == 1)
    text = json.loads(body(0)) | {"output": "x" * 100_000}
    journal.append([decode(json.dumps(text).encode())[0].json for _ in range(20)], lambda error: None)
    await until(lambda: len(follower.events) == 20)
    assert follower.longest < 1_000_000
    arrivals.close()
    await follower.task


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("shadow", 1),
        ("shad", 0),
        ("shad*", 1),
        ("SENSITIVE cat", 1),
        ("/etc/shadow", 1),
        ("etc.shadow", 0),
        ("cat dog", 0),
    ],
)
async def test_words_find_live_what_a_search_finds(journal: Journal, words: str, found: int) -> None:
    arrivals = Arrivals(journal)
    chosen, everything = Follower(arrivals, words), Follower(arrivals)
    await until(lambda: arrivals.followers == 2)
    append(journal, 1)
    await until(lambda: everything.events)
    arrivals.close()
    await asyncio.gather(chosen.task, everything.task)
    assert len(chosen.events) == found


async def test_of_a_storm_the_newest_are_seen(journal: Journal) -> None:
    arrivals = Arrivals(journal)
    follower = Follower(arrivals)
    await until(lambda: arrivals.followers)
    append(journal, *range(5000))
    await until(lambda: 4999 in follower.numbers)
    assert len(follower.numbers) <= 1000
    arrivals.close()
    await follower.task


async def test_not_everybody_can_follow_at_once(journal: Journal) -> None:
    arrivals = Arrivals(journal)
    followers = [Follower(arrivals) for _ in range(50)]
    await until(lambda: arrivals.followers == 50)
    with pytest.raises(RefusedError, match="50 follow what comes already"):
        Follower(arrivals)
    followers[0].task.cancel()
    await until(lambda: arrivals.followers == 49)
    followers.append(Follower(arrivals))
    await until(lambda: arrivals.followers == 50)
    arrivals.close()
    await asyncio.gather(*(follower.task for follower in followers[1:]))


async def test_who_leaves_is_forgotten(journal: Journal) -> None:
    arrivals = Arrivals(journal)
    follower = Follower(arrivals)
    await until(lambda: arrivals.followers)
    follower.task.cancel()
    await asyncio.wait([follower.task])
    assert (arrivals.followers, journal.cursors) == (0, [])


async def test_who_is_not_welcome_any_more_sees_nothing_more(journal: Journal) -> None:
    arrivals = Arrivals(journal)
    followers = Follower(arrivals), Follower(arrivals)
    await until(lambda: arrivals.followers == 2)
    followers[0].welcome = False
    append(journal, 1)
    await until(lambda: followers[1].numbers == [1])
    await followers[0].task
    assert followers[0].numbers == []
    followers[1].welcome = False  # and nothing comes
    await followers[1].task
    assert arrivals.followers == 0


async def test_a_follower_hears_also_that_nothing_comes(journal: Journal) -> None:
    arrivals = Arrivals(journal)
    follower = Follower(arrivals)
    await until(lambda: follower.told > 1)
    arrivals.close()
    await follower.task
    assert follower.events == []
