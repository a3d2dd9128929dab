"""What is accepted, to whoever wants to watch it come.

Each follower reads the journal's newest records as an output does: nothing is done on the way in, and one who is slow
skips what it has missed.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable
from itertools import count

from sidekick.control.ports import RefusedError
from sidekick.event import DecodeError, Event
from sidekick.filter import Filter
from sidekick.journal import Cursor, Journal
from sidekick.store.words import own_text, split

_MOST = 500
"""Alerts looked at for one follower at once; of more, the newest."""
_PAUSE = 0.25
"""Seconds between two looks: faster than people read, and a storm is not decoded whole."""
_MOST_BYTES = 1 << 19
"""Of those; the rest is for the next look. Each of those who read nothing holds as much several times over."""
_MOST_FOLLOWERS = 50
"""At once: in a storm each of them takes time in which no sender is answered."""
_LOOK = 1.0
"""Seconds after which a follower is told and asked for anew, though nothing comes."""


class Arrivals:
    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._numbers = count()
        self._ended = asyncio.Event()
        self.followers = 0

    def follow(self, words: str, wanted: Filter | None, welcome: Callable[[], bool]) -> AsyncGenerator[list[Event]]:
        """What is accepted from now on and holds those words, as a search does; ends at `close`, or when who follows
        is not `welcome` any more. Raises `RefusedError` while too many follow.

        Each second in which there is nothing an empty list comes, for who is told of it and has vanished is noticed.
        """
        if self.followers >= _MOST_FOLLOWERS:
            raise RefusedError(f"{_MOST_FOLLOWERS} follow what comes already: end another first.")
        return self._follow(words, wanted, welcome)

    async def _follow(
        self, words: str, wanted: Filter | None, welcome: Callable[[], bool]
    ) -> AsyncGenerator[list[Event]]:
        name = f"live {next(self._numbers)}"
        cursor = self._journal.cursor(name, durable=False)
        has_words = _holds(words)
        self.followers += 1
        try:
            while await self._more(cursor) and welcome():
                yield [one for one in _newest(cursor) if has_words(one) and (wanted is None or wanted(one))]
        finally:
            self.followers -= 1
            self._journal.forget(name)

    def close(self) -> None:
        """Tells all who follow that there is no more to come."""
        self._ended.set()

    async def _more(self, cursor: Cursor) -> bool:
        """Waits until there may be more; False at the end."""
        arrived = asyncio.ensure_future(cursor.wait(cursor.position))
        ended = asyncio.ensure_future(self._ended.wait())
        try:
            await asyncio.wait((arrived, ended), timeout=_LOOK, return_when=asyncio.FIRST_COMPLETED)
            await asyncio.wait((ended,), timeout=_PAUSE)
        finally:
            arrived.cancel()
            ended.cancel()
        return not self._ended.is_set()


def _newest(cursor: Cursor) -> list[Event]:
    """The records that wait, or the first of them, and the cursor moved behind those."""
    end = cursor.position + cursor.waiting
    records = cursor.read(max(cursor.position, end - _MOST), _MOST, _MOST_BYTES)
    cursor.advance(records[-1].seq + 1 if records else end)
    events: list[Event] = []
    for record in records:
        try:
            events.append(Event.from_json(record.payload))
        except DecodeError:  # damaged on its way, and counted where it is delivered
            continue
    return events


def _holds(words: str) -> Callable[[Event], bool]:
    """Whether an event has all the words, as the store's search would find it."""
    parts = [(part.removesuffix("*").lower(), part.endswith("*"), split(part)) for part in words.split()]
    if not parts:
        return lambda event: True

    def holds(event: Event) -> bool:
        text = own_text(event)
        known = set(split(text))
        return all(
            part in text
            and known.issuperset(found[:-1] if begins else found)
            and (not begins or not found or any(word.startswith(found[-1]) for word in known))
            for part, begins, found in parts
        )

    return holds
