"""The outputs as people see them and what they can do with each."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import count

from sidekick.control.fate import Fate, Fates
from sidekick.control.letters import Boxes
from sidekick.control.parts import Parts
from sidekick.control.ports import OutputState, RefusedError
from sidekick.control.sending import Sendings
from sidekick.control.trail import Trail
from sidekick.delivery import Worker
from sidekick.event import Event
from sidekick.journal import Cursor, JournalReader, Record

_AT_ONCE, _BYTES_AT_ONCE = 200, 1 << 20
"""Records of a replay, and bytes of them, read in one go: about a millisecond, in which no alert is answered."""


class Outputs:
    def __init__(self, parts: Parts, sendings: Sendings, boxes: Boxes, trail: Trail) -> None:
        self._workers = parts.workers
        self._roster = parts.roster
        self._journal = parts.journal
        self._fates = Fates(parts, boxes)
        self._sendings = sendings
        self._boxes = boxes
        self._trail = trail
        self._numbers = count()
        self._turn = asyncio.Lock()

    async def states(self) -> Sequence[OutputState]:
        dead = await asyncio.to_thread(self._boxes.counts)
        return [self._state(worker, dead.get(name, 0)) for name, worker in self._workers.items()]

    def _state(self, worker: Worker, dead: int) -> OutputState:
        replay = self._sendings.replays.get(worker.name)
        return OutputState(
            worker.name,
            worker.output.title,
            worker.output.category,
            worker.status,
            worker.cursor.waiting,
            worker.lag_seconds,
            worker.last_error,
            worker.counts.delivered,
            dead,
            replay.summary if replay else "",
        )

    async def pause(self, name: str, by: str) -> None:
        self._known(name)
        await self._trail.note(by, "pause", name)
        await self._remember(lambda: self._roster.pause(name, by))
        self._known(name).pause()
        self._sendings.stop(name)

    async def resume(self, name: str, by: str) -> None:
        self._known(name)
        await self._trail.note(by, "resume", name)
        await self._remember(lambda: self._roster.resume(name))
        self._known(name).resume()

    async def _remember(self, change: Callable[[], None]) -> None:
        async with self._turn:
            try:
                await asyncio.to_thread(change)
            except OSError as error:
                raise RefusedError(f"That cannot be kept over a restart: {error.strerror}.") from error
            except KeyError as error:
                raise RefusedError("The configuration is just changing: try again in some seconds.") from error

    async def test(self, name: str, by: str) -> str:
        self._known(name)
        await self._trail.note(by, "test", name)
        sending = await self._sendings.once(name, [Event.test().json])
        for reason in (*sending.refusals.reasons.values(), sending.worker.last_error):
            if reason:
                raise RefusedError(f"{name} did not take the test event: {reason}")
        return f"{name} took the test event."

    async def replay(self, name: str, since: float, by: str, until: float | None = None) -> str:
        self._check_not_paused(name)
        return await self._sendings.patiently(self._replay(name, since, until, by), name)

    async def _replay(self, name: str, since: float, until: float | None, by: str) -> str:
        with self._sendings.turn(name):
            window = f"since {_iso(since)}" + (f" until {_iso(until)}" if until else "")
            await self._trail.note(by, "replay", name, window)
            first = await self._position(since)
            end = await self._position(until) if until else None
            if first is None:
                return "Nothing has arrived since then."
            self._check_not_paused(name)
            cursor = self._journal.cursor(f"replay {next(self._numbers)}", durable=False)
            try:
                records = _records(cursor, first, self._journal.next_seq if end is None else end)
                sending = await self._sendings.replay(name, records)
            finally:
                self._journal.forget(cursor.name)
            return f"{name}: {sending.summary}"

    async def _position(self, moment: float) -> int | None:
        """The number of the first alert that was accepted then or later."""
        return await asyncio.to_thread(JournalReader(self._journal.directory).position, int(moment * 1e9))

    async def deliveries(self, uuid: str) -> Sequence[Fate]:
        return await self._fates.of(uuid)

    def _check_not_paused(self, name: str) -> None:
        if self._known(name).paused:
            raise RefusedError(f"{name} is paused: resume it first.")

    def _known(self, name: str) -> Worker:
        worker = self._workers.get(name)
        if worker is None:
            raise RefusedError(f"There is no output {name!r}.")
        return worker


def _iso(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="seconds")


def _records(cursor: Cursor, first: int, end: int) -> Iterator[Record]:
    while first < end and (found := cursor.read(first, _AT_ONCE, _BYTES_AT_ONCE)):
        yield from (record for record in found if record.seq < end)
        first = found[-1].seq + 1
