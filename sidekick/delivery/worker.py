"""The chain between the journal and one output's `send`, written once, in its order:

cursor → filter → silences → group → throttle → batch → breaker → retry → time-out → send → advance the cursor.

Each link has its reason to stand where it stands:
- the filter comes before the batch, so that a batch is full of what is wanted;
- group comes before throttle, so that a storm of equal alerts takes one token and not all;
- the time-out covers one try, not the retries, for a retry gives up by space (the journal's), never by time;
- the cursor moves only when every event of the batch is delivered or dead, and never over one whose digest is still to
  come, so that a crash resends, and never skips.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Literal

from sidekick.delivery.batcher import Batch, Batcher
from sidekick.delivery.breaker import Breaker
from sidekick.delivery.connection import Connection, DefectError
from sidekick.delivery.counts import Counts, Tally
from sidekick.delivery.history import History
from sidekick.delivery.notices import Notices
from sidekick.delivery.ports import Cursor, DeadLetterBox
from sidekick.delivery.selection import Selection
from sidekick.event import Event
from sidekick.sdk.errors import DeliveryError, MisconfiguredError, PartialError, PermanentError, RetryableError
from sidekick.sdk.output import BatchLimits, Output

log = logging.getLogger(__name__)


class Stopped(Exception):  # noqa: N818  (no error: the process is asked to end while a destination is away)
    """Ends a delivery between two tries; its events stay in the journal."""


class Worker:
    """Delivers one output's events, in order, for as long as the process lives."""

    def __init__(
        self,
        name: str,
        output: Output[Any],
        cursor: Cursor,
        accepts: Callable[[Event], bool],
        dead_letters: DeadLetterBox,
        silenced: Callable[[Event], bool] | None = None,
        counts: Counts | None = None,
        history: History | None = None,
    ) -> None:
        self.name = name
        self.output = output
        self.cursor = cursor
        self.counts = counts or Counts(inherited=cursor.waiting)
        self.breaker = Breaker(output.settings.retry)
        self._connection = Connection(output)
        self.last_error = ""
        self.first = cursor.position
        """Number of the first record that it passes."""
        self.paused = False
        self._history = history
        self._allowed = asyncio.Event()
        self._allowed.set()
        self._failing_since: float | None = None
        self._knocking = asyncio.Lock()
        self._next_knock = 0.0
        """When an open breaker lets the next try pass, by the loop's clock."""
        self._dead_letters = dead_letters
        self._notices = Notices(name)
        self._stopping = asyncio.Event()
        self._drain = True
        self._selection = Selection(name, output.settings, accepts, silenced)
        self._batcher = Batcher(cursor, self._selection, _window(output), history)
        self._batch = Batch(cursor.position)
        self._delivered: list[Event] = []
        """Of the batch in hand."""
        self._sent: deque[tuple[int, Tally]] = deque()
        """Batches that the cursor has not passed yet: their ends, and what became of their events."""

    @property
    def connected(self) -> bool:
        return self._connection.open

    @property
    def lag_seconds(self) -> float:
        """Age of the oldest alert that waits."""
        oldest = self.cursor.oldest_ns
        return max(0.0, (time.time_ns() - oldest) / 1e9) if oldest else 0.0

    @property
    def state(self) -> dict[str, object]:
        """How it stands, for a person: connected or not, what waits, and the last error while it lasts."""
        return {"status": self.status, "waiting": self.cursor.waiting, "error": self.last_error}

    @property
    def status(self) -> Literal["paused", "failing", "ok", "connecting"]:
        if self.paused:
            return "paused"
        return "failing" if self._failing_since is not None else "ok" if self.connected else "connecting"

    def pause(self) -> None:
        """Lets the try in hand end and makes no other until `resume`; alerts wait in the journal."""
        self.paused = True
        if not self._stopping.is_set():  # else it is to end, and not to wait for a permission
            self._allowed.clear()

    def resume(self) -> None:
        self.paused = False
        self._allowed.set()

    def stop(self, *, drain: bool = True) -> None:
        """Lets what waits be delivered, or without `drain` only what is in hand, but waits for no destination that is
        away and for no further event."""
        self._drain = drain
        self._stopping.set()
        self._allowed.set()

    async def run(self) -> None:
        """Works until `stop`, then until nothing is left to read; always closes the output."""
        try:
            await self._arrive()
            self._sent.clear()
            self._batcher.rewind()
            while self._goes_on() and (batch := await self._batcher.next(self._stopping)) is not None:
                self._batch, self._delivered = batch, []
                await self._send_window(batch.events, batch.tally)
                if batch.digests:
                    await self._send_digests(batch.digests)
                self._sent.append((batch.end, batch.tally))
                self._settle()
                if self._sent:
                    self._note_delivered()
                await asyncio.sleep(0)  # a backlog that is all filtered would otherwise hold the loop
            await self._tell_held()
        except Stopped:
            if waiting := self.cursor.waiting:
                log.info("%s: stopped with %d alerts waiting; they stay in the journal", self.name, waiting)
        finally:
            self._notices.flush()
            self._note_delivered()
            await self._connection.close()

    def _note_delivered(self) -> None:
        """What was taken of a batch that the cursor has not passed, so that nobody is told of it again."""
        ids = {event.uuid for event in self._delivered}
        numbered = zip(self._batch.numbers, self._batch.events, strict=True)
        self.cursor.note([number for number, event in numbered if event.uuid in ids])

    def _goes_on(self) -> bool:
        return self._drain or not self._stopping.is_set()

    def _settle(self) -> None:
        """Moves the cursor on, as far as no digest holds it."""
        held = self._selection.held
        while self._sent and (held is None or self._sent[0][0] <= held):
            end, tally = self._sent.popleft()
            self.counts.add(tally, end - self.cursor.position)
            self.cursor.advance(end)

    async def _tell_held(self) -> None:
        """What a successor would read again for the sake of a digest, and with it all that was told since."""
        while digests := self._selection.digests(self.output.batch.count, early=True):
            await self._send_digests(digests)
        self._settle()

    async def _send_digests(self, digests: list[Event]) -> None:
        tally = Tally()
        await self._send_window(digests, tally)
        self.counts.digests += tally.delivered

    async def _send_window(self, events: list[Event], tally: Tally) -> None:
        if self.output.batch.count > 1 or len(events) <= 1:
            return await self._deliver(events, tally)
        # None is cut off by the failure of another.
        results = await asyncio.gather(*(self._deliver([event], tally) for event in events), return_exceptions=True)
        failures = sorted(filter(None, results), key=lambda failure: isinstance(failure, Stopped))
        if failures:  # a defect first, for a stop would hide it
            raise failures[0]
        return None

    async def _deliver(self, events: Sequence[Event], tally: Tally) -> None:
        """Returns when each event is delivered or dead; raises `Stopped`."""
        while events:
            if self.breaker.open and len(events) > 1 and not self.output.whole:
                await self._deliver(events[:1], tally)
                events = events[1:]
            try:
                await self._try(events)
            except PartialError as error:
                events, pause = await self._split(events, error, tally)
                if not events:
                    return None
            except RetryableError as error:
                pause = self._failed(error)
            except PermanentError as error:
                return await self._bisect(events, error, tally)
            else:
                self._took(events, tally)
                return None
            if self.breaker.open:
                self._next_knock = asyncio.get_running_loop().time() + pause
            else:
                await self._pause(pause)
        return None

    def _took(self, events: Sequence[Event], tally: Tally) -> None:
        tally.delivered += len(events)
        self._delivered += events

    async def _try(self, events: Sequence[Event]) -> None:
        """One try, its verdict booked; raises what the output says, and nothing but `DeliveryError`s and `Stopped`."""
        try:
            await self._send(events)
        except DeliveryError as error:
            self.counts.failed += len(error.errors) if isinstance(error, PartialError) else len(events)
            self._book(events, _outcome(error), _answer(error))
            raise
        self._book(events, "ok", "")
        self._answered()

    async def _send(self, events: Sequence[Event]) -> None:
        """While the breaker is open one try after the other, each after the pause that the one before has earned."""
        await self._permission()
        if self.breaker.open:
            async with self._knocking:
                early = self._next_knock - asyncio.get_running_loop().time()
                if self.breaker.open and early > 0:
                    await self._pause(early)
                await self._permission()  # a person may have taken it back meanwhile
                if self.breaker.open:
                    return await self._connection.send(events)
        return await self._connection.send(events)

    def _book(self, events: Sequence[Event], outcome: str, answer: str) -> None:
        self.counts.attempts[outcome] += 1
        if self._history is not None:
            part = None if events is self._batch.events else events
            self._history.tried(range(self._batch.start, self._batch.end), part, outcome, answer)

    async def _permission(self) -> None:
        """Returns when it is not paused; raises `Stopped` when it is to stop while it is."""
        await self._allowed.wait()
        if self.paused:
            raise Stopped

    async def _arrive(self) -> None:
        """Connects before there is anything to send, so that a wrong address shows at start and not at night."""
        while not self.connected:
            await self._permission()
            try:
                await self._connection.connect()
            except RetryableError as error:
                await self._pause(self._failed(error))
            else:
                self._answered()

    async def _split(self, events: Sequence[Event], error: PartialError, tally: Tally) -> tuple[Sequence[Event], float]:
        """Books what is settled; gives the events worth another try, and the pause before it."""
        again: list[Event] = []
        pause = 0.0
        for index, event in enumerate(events):
            verdict = error.errors.get(index)
            if verdict is None:
                self._took([event], tally)
            elif isinstance(verdict, RetryableError):
                again.append(event)
                pause = max(pause, verdict.after or 0.0)
            else:
                await self._bury(event, verdict, tally)
        if not again:
            self._answered()
            return again, 0.0
        first = next(e for e in error.errors.values() if isinstance(e, RetryableError))
        return again, max(pause, self._failed(first))

    async def _bisect(self, events: Sequence[Event], error: PermanentError, tally: Tally) -> None:
        """A batch refused as a whole may hold one poison event: halves find it, and the rest is delivered."""
        if len(events) == 1:
            return await self._bury(events[0], error, tally)
        middle = len(events) // 2
        await self._deliver(events[:middle], tally)
        await self._deliver(events[middle:], tally)
        return None

    async def _bury(self, event: Event, error: DeliveryError, tally: Tally) -> None:
        while True:
            try:
                await self._dead_letters.add(event, str(error))
                break
            except OSError as cause:  # a full disk, most likely: the event waits where it is
                await self._pause(self._failed(RetryableError(f"no dead letter can be written: {cause.strerror}")))
        if not isinstance(error, DefectError):  # a no is an answer too
            self._answered()
        tally.dead += 1
        self._notices.tell(event, error)

    def _failed(self, error: RetryableError) -> float:
        pause = self.breaker.failed(error)
        self.last_error = str(error)
        if error.after is None:  # who asks for time has answered; who does not may need a new connection
            self._connection.distrust()
        if self._failing_since is None:
            self._failing_since = time.monotonic()
            future = "" if self._stopping.is_set() else ", will be tried again"
            log.warning("%s: not delivered%s: %s", self.name, future, error)
        return pause

    def _answered(self) -> None:
        self.breaker.answered()
        if self._failing_since is not None:
            log.info("%s: answers again, after %.0f s", self.name, time.monotonic() - self._failing_since)
            self._failing_since = None
            self.last_error = ""

    async def _pause(self, seconds: float) -> None:
        await self._connection.rest()
        try:
            async with asyncio.timeout(seconds):
                await self._stopping.wait()
        except TimeoutError:
            return
        raise Stopped


def _outcome(error: DeliveryError) -> str:
    match error:
        case PartialError():
            return "partial"
        case MisconfiguredError():
            return "misconfigured"
        case RetryableError():
            return "retryable"
        case _:
            return "permanent"


def _answer(error: DeliveryError) -> str:
    return f"{error}: {next(iter(error.errors.values()))}" if isinstance(error, PartialError) else str(error)


def _window(output: Output[Any]) -> BatchLimits:
    """What is read at once: a batch, or as many single events as may be in flight together."""
    limits = output.batch
    if limits.count > 1:
        return limits
    return BatchLimits(count=output.concurrency, bytes=limits.bytes * output.concurrency)
