"""Many alerts told as one: what an output is spared for a while, gathered until the while is over."""

import time
import uuid
from collections import Counter, OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import msgspec

from sidekick.event import Event

Clock = Callable[[], float]
Outcome = Literal["grouped", "throttled"]
MOST_WINDOWS = 2000  # each keeps an alert, a few KiB; beyond, the oldest is told early
_MOST_RULES = 20
_NAMESPACE = uuid.UUID("6f1d7f0e-3c1b-5d0a-9a57-7a3f4f0c2b11")


class Digest:
    """Alerts of one window; `told` is the time of one that was sent before them and is counted with them, if any."""

    def __init__(self, first: Event, told: str) -> None:
        self._told = told
        self._first = self._last = self._urgent = first
        self._count = 0
        self._rules: Counter[str] = Counter()

    def add(self, event: Event) -> None:
        self._count += 1
        self._last = event
        if event.priority.level > self._urgent.priority.level:
            self._urgent = event
        rule = event.rule if event.rule in self._rules or len(self._rules) < _MOST_RULES else "other rules"
        self._rules[rule] += 1

    def event(self, output: str, outcome: Outcome) -> Event:
        """The digest as an alert: the most urgent of them, its output text and fields saying for how many it stands.

        Its id is made of those of the first and the last alert in it, so that the same alerts give the same id. One
        alert alone is told as itself.
        """
        if self._count == 1 and not self._told:
            return self._first
        identity = f"{output}\n{outcome}\n{self._first.uuid}\n{self._last.uuid}"
        return msgspec.structs.replace(
            self._urgent,
            uuid=str(uuid.uuid5(_NAMESPACE, identity)),
            time=self._last.time,
            output=f"{self._urgent.output} ({self._sentence()})".lstrip(),
            fields={**self._urgent.fields, **self._facts(outcome)},
        )

    def _facts(self, outcome: Outcome) -> dict[str, Any]:
        return {
            "sidekick.digest": outcome,
            "sidekick.count": self._total,
            "sidekick.first": self._since,
            "sidekick.last": self._last.time,
        } | ({} if self._told else {"sidekick.rules": self._shares()})

    def _sentence(self) -> str:
        span = datetime.fromisoformat(self._last.time) - datetime.fromisoformat(self._since)
        when = f"in {abs(span.total_seconds()):.0f} s, first {self._since}, last {self._last.time}"
        if self._told:
            return f"{self._total:,} times {when}"
        return f"the most urgent of {self._total:,} alerts over the limit {when}: {self._shares()}"

    @property
    def _since(self) -> str:
        return self._told or self._first.time

    @property
    def _total(self) -> int:
        return self._count + bool(self._told)

    def _shares(self) -> str:
        return ", ".join(f"{rule} {count:,}" for rule, count in self._rules.most_common())


@dataclass
class _Window:
    ends: float
    told: str
    """Time of the alert that opened it and was sent at once, if there is one."""
    digest: Digest | None = None


class Windows:
    """Spans of time by key, `length` seconds each; what comes inside one is gathered."""

    def __init__(self, length: float, clock: Clock = time.monotonic) -> None:
        self._length = length
        self._clock = clock
        # Each in an order of its own: by end, and by the journal's number of the first alert that was gathered.
        self._open: OrderedDict[bytes, _Window] = OrderedDict()
        self._held: OrderedDict[bytes, int] = OrderedDict()

    def open(self, key: bytes, told: str = "") -> None:
        """Begins a window; `told` is the time of the alert that was sent and is to be counted with the rest."""
        if len(self._open) >= MOST_WINDOWS:
            self._close_oldest()
        self._open.pop(key, None)
        self._open[key] = _Window(self._clock() + self._length, told)

    def gather(self, key: bytes, event: Event, seq: int) -> bool:
        """Takes the event into the window of that key; False when none is open."""
        window = self._open.get(key)
        if window is None or (window.digest is None and window.ends <= self._clock()):
            return False
        if window.digest is None:
            window.digest = Digest(event, window.told)
            self._held[key] = seq
        window.digest.add(event)
        return True

    def take(self, *, early: bool = False) -> Digest | None:
        """The digest of a window that is over, or of any with `early`; it is held no more."""
        while self._open:
            key, window = next(iter(self._open.items()))
            if window.ends > self._clock() and not early:
                return None
            del self._open[key]
            if window.digest is not None:
                del self._held[key]
                return window.digest
        return None

    @property
    def held(self) -> int | None:
        """Number of the oldest alert whose digest is not taken."""
        return next(iter(self._held.values()), None)

    @property
    def remaining(self) -> float | None:
        """Seconds until the next window ends; None when none is open."""
        return next((window.ends - self._clock() for window in self._open.values()), None)

    def clear(self) -> None:
        self._open.clear()
        self._held.clear()

    def _close_oldest(self) -> None:
        key, window = next(iter(self._open.items()))
        if window.digest is None:
            del self._open[key]
        else:
            window.ends = self._clock()
