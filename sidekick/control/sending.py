"""Alerts sent again, or for a test, through a second instance of an output, by the engine that also delivers.

One at a time an output: two would tell a person of the same alert twice.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Generator, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from sidekick.control.ports import RefusedError
from sidekick.delivery import Refusals, ReplayCursor, Worker
from sidekick.event import Event
from sidekick.journal import Record
from sidekick.pipeline import Route
from sidekick.sdk.output import Output

log = logging.getLogger(__name__)
Accepts = Callable[[Event], bool]
_FAREWELL = 1.0  # seconds for what is in hand when the service ends, of the few that it has for all


def _tell(name: str, ended: asyncio.Task[str]) -> None:
    """Nobody waits for it any more, so the log has what went wrong."""
    if not ended.cancelled() and (error := ended.exception()):
        log.error("%s: %s", name, error, exc_info=None if isinstance(error, RefusedError) else error)


def _anything(event: Event) -> bool:
    return True


class Sending:
    """One such run."""

    def __init__(
        self, name: str, output: Output[Any], records: Iterator[Record], accepts: Accepts, refusals: Refusals
    ) -> None:
        self.refusals = refusals
        self.cursor = ReplayCursor(records, passed=lambda count: None, ended=lambda: self.worker.stop())
        self.worker = Worker(name, output, self.cursor, accepts, self.refusals)
        self.worker.name = f"{name}, by hand"  # in the log, beside what the output does by itself
        self.ended = False
        self.stopped = False

    async def run(self) -> None:
        """Until all is sent, or `stop`."""
        try:
            await self.worker.run()
        except Exception:
            # It is a person who waits for this, and no supervisor, so a defect must not be silent.
            log.exception("%s: defect in delivery", self.worker.name)
            self.worker.last_error = "a defect of sidekick, which its log tells"
        finally:
            self.ended = True

    async def run_once(self) -> None:
        """The same, but waits for no destination that is away."""
        self.worker.stop()
        await self.run()

    def stop(self) -> None:
        """Ends it after what is in hand."""
        self.stopped = not self.ended
        self.worker.stop(drain=False)

    @property
    def summary(self) -> str:
        """How it stands, in a sentence."""
        counts = self.worker.counts
        delivered = counts.delivered + len(self.cursor.ahead)
        parts = [f"{delivered:,} {'alert' if delivered == 1 else 'alerts'} sent again"]
        parts += [f"{counts.filtered:,} not for this output"] if counts.filtered else []
        parts += [f"{counts.grouped + counts.throttled:,} told in digests"] if counts.digests else []
        parts += [f"{counts.dead:,} refused ({next(iter(self.refusals.reasons.values()))})"] if counts.dead else []
        if self.worker.last_error:
            parts.append(f"{'stopped' if self.ended else 'now failing'}: {self.worker.last_error}")
        elif not self.ended or self.stopped:
            parts.append("stopped before the end" if self.ended else "going on")
        return ", ".join(parts) + "."


class Sendings:
    """Those that run, and of each output the replay that was begun last."""

    def __init__(self, build: Callable[[str], Output[Any]], patience: float) -> None:
        self.replays: dict[str, Sending] = {}
        self._build = build
        self._patience = patience
        self._busy: set[str] = set()
        self._tasks: set[asyncio.Task[str]] = set()

    @contextmanager
    def turn(self, name: str) -> Generator[None]:
        """Keeps others from sending to that output meanwhile. Raises `RefusedError` while another does."""
        if name in self._busy:
            raise RefusedError(f"Something is being sent to {name} already.")
        self._busy.add(name)
        try:
            yield
        finally:
            self._busy.discard(name)

    async def once(self, name: str, events: Iterable[bytes]) -> Sending:
        """Sends alerts (canonical JSON) past filter and journal, and returns when each was tried or one had to wait."""
        records = (Record(number, 0, event) for number, event in enumerate(events))
        sending = Sending(name, self._build(name), records, _anything, Refusals())
        await sending.run_once()
        return sending

    async def replay(self, name: str, records: Iterator[Record]) -> Sending:
        """Sends records that the output's filter lets through, for as long as that takes."""
        output = self._build(name)
        # Of a million alerts that are refused one reason is enough.
        sending = self.replays[name] = Sending(name, output, records, Route(output.settings), Refusals(most=1))
        await sending.run()
        return sending

    async def patiently(self, work: Coroutine[Any, Any, str], name: str) -> str:
        """What came of that work, or how the replay stands when it takes longer than a person waits for a page."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        await asyncio.wait({task}, timeout=self._patience)
        if task.done():
            return task.result()
        task.add_done_callback(lambda done: _tell(name, done))
        return f"{name}: {self.replays[name].summary if name in self.replays else 'beginning.'}"

    def stop(self, name: str) -> None:
        """Ends the replay to that output, if one runs, after what is in hand."""
        if name in self.replays:
            self.replays[name].stop()

    async def close(self) -> None:
        """Ends all that run."""
        for sending in self.replays.values():
            sending.stop()
        if tasks := set(self._tasks):
            _, late = await asyncio.wait(tasks, timeout=_FAREWELL)
            for task in late:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
