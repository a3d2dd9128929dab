"""Sends again, on purpose, what the journal or the dead letters still hold."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice

from sidekick.event import Event
from sidekick.journal import Record


class ReplayCursor:
    """A cursor over given records, renumbered from 0, so that the worker that delivers also replays.

    `passed` is called with the number of records done so far, `ended` when there is none left to read.
    """

    def __init__(self, records: Iterator[Record], passed: Callable[[int], None], ended: Callable[[], None]) -> None:
        self._records = records
        self._passed = passed
        self._ended = ended
        self._kept: deque[Record] = deque()
        self._passed_over = 0
        self.position = 0
        self.waiting = 0
        self.ahead = set[int]()
        self.oldest_ns = None

    def read(self, after: int, count: int, size: int) -> list[Record]:
        found: list[Record] = []
        for record in self._from(after, count):
            size -= len(record.payload)
            if size < 0 and found:
                break
            found.append(record)
        if not found:
            self._ended()
        return found

    def _from(self, after: int, count: int) -> Iterator[Record]:
        # A replay reads forwards alone. What a digest holds back is in no need of being kept here, in its thousands.
        while self._passed_over < after:
            self._kept.popleft()
            self._passed_over += 1
        for record in islice(self._records, max(0, count - len(self._kept))):
            self._kept.append(record._replace(seq=self._passed_over + len(self._kept)))
        return islice(self._kept, count)

    async def wait(self, seq: int) -> None:
        """Returns at once: a replay has all its records from the beginning."""

    def advance(self, seq: int) -> None:
        self.ahead.difference_update(range(self.position, seq))
        self.position = seq
        self._passed(seq)

    def note(self, numbers: Iterable[int]) -> None:
        """Nobody goes on with a replay, but who asked for it has to know what not to ask for again."""
        self.ahead.update(number for number in numbers if number >= self.position)

    def done(self, number: int) -> bool:
        """Whether that record is through, be it before one that is not."""
        return number < self.position or number in self.ahead


def taken(ids: Sequence[str], done: Callable[[int], bool], refused: Mapping[str, str]) -> list[str]:
    """Those of the replayed alerts, in their order, that the destination has now.

    None where a digest was refused: which of them it stood for is not known, and none may be lost for it.
    """
    if not refused.keys() <= set(ids):
        return []
    return [id for number, id in enumerate(ids) if done(number) and id not in refused]


class Refusals:
    """Takes the place of the dead letters in a replay, where a refusal is an answer to the person who asked.

    Of the `most` first ones the reasons are kept, by id; of all unless it is given.
    """

    def __init__(self, most: int | None = None) -> None:
        self.reasons: dict[str, str] = {}
        self._most = most

    async def add(self, event: Event, reason: str) -> None:
        if self._most is None or len(self.reasons) < self._most:
            self.reasons[event.uuid] = reason
