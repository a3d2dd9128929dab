"""What an output tried of late and what it passed over, for a person who asks where an alert went.

Bounded, and in memory alone: the counts and the cursor are what counts, this explains them.
"""

import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sidekick.delivery.counts import Skipped
from sidekick.event import Event

_MOST = 256
"""Of tries, and of stretches passed over."""
_MOST_IDS = 20_000
"""Of events in tries of parts of batches: some 3 MB."""


@dataclass(frozen=True)
class Attempt:
    """`times` equal tries in a row, the last of which ended `at` (s since 1970); `answer` is empty for a success."""

    at: float
    outcome: str
    answer: str
    times: int = 1


@dataclass(frozen=True)
class _Try:
    numbers: range
    """Of the records among which the events were."""
    ids: frozenset[str] | None
    """Of the events, where these were not all of the batch."""
    attempt: Attempt

    def concerns(self, seq: int, id: str) -> bool:
        return seq in self.numbers and (self.ids is None or id in self.ids)

    def equals(self, numbers: range, ids: frozenset[str] | None, outcome: str, answer: str) -> bool:
        mine = (self.numbers, self.attempt.outcome, self.attempt.answer, self.ids)
        return mine == (numbers, outcome, answer, ids)


class History:
    """Of one output; the oldest is forgotten first."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._tries: deque[_Try] = deque()
        self._ids = 0
        self._skipped: deque[tuple[range, Skipped]] = deque(maxlen=_MOST)

    def tried(self, numbers: range, part: Sequence[Event] | None, outcome: str, answer: str) -> None:
        """Notes a try of the batch that was read from those records, or of a `part` of it."""
        ids = None if part is None else frozenset(event.uuid for event in part)
        times = 1
        # A destination that is away for a night must not push everything else out.
        if self._tries and self._tries[-1].equals(numbers, ids, outcome, answer):
            times += self._forgotten(self._tries.pop()).attempt.times
        self._tries.append(_Try(numbers, ids, Attempt(self._clock(), outcome, answer, times)))
        self._ids += len(ids or ())
        while len(self._tries) > _MOST or self._ids > _MOST_IDS:
            self._forgotten(self._tries.popleft())

    def _forgotten(self, one: _Try) -> _Try:
        self._ids -= len(one.ids or ())
        return one

    def skipped(self, seq: int, reason: Skipped) -> None:
        """Notes that this record was not sent."""
        if self._skipped and self._skipped[-1][1] == reason and self._skipped[-1][0].stop == seq:
            self._skipped[-1] = range(self._skipped[-1][0].start, seq + 1), reason
        else:
            self._skipped.append((range(seq, seq + 1), reason))

    def attempts(self, seq: int, id: str) -> list[Attempt]:
        """The tries to send the event of that number and id, oldest first."""
        return [one.attempt for one in self._tries if one.concerns(seq, id)]

    def reason_skipped(self, seq: int) -> Skipped | None:
        return next((reason for numbers, reason in reversed(self._skipped) if seq in numbers), None)
