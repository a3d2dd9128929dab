"""What became of one alert at each output, told from what is kept anyway: cursors, dead letters, filters, histories."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sidekick.control.letters import Boxes
from sidekick.control.parts import Parts
from sidekick.delivery import Attempt, Worker
from sidekick.event import Event
from sidekick.journal import JournalReader, Record
from sidekick.pipeline import Route
from sidekick.store import Stored

_EARLIER = 600 * 10**9
"""How long before its own time, in ns, an alert may have been accepted: the sender's clock may be ahead."""
_LATER = 5 * 10**9
"""How long after it was stored: the store's time is in whole seconds, and clocks are set."""


@dataclass(frozen=True)
class Fate:
    """As the port `Delivery` says."""

    output: str
    status: str
    detail: str = ""
    attempts: Sequence[Attempt] = ()


class Fates:
    def __init__(self, parts: Parts, boxes: Boxes) -> None:
        self._reader = parts.reader
        self._journal = JournalReader(parts.journal.directory)
        self._workers = parts.workers
        self._histories = parts.histories
        self._roster = parts.roster
        self._boxes = boxes

    async def of(self, uuid: str) -> list[Fate]:
        """Of the alert with that id; nothing where the store does not have it. Raises `StoreError`."""
        stored = await self._reader.one(uuid)
        if stored is None:
            return []
        event = Event.from_json(stored.alert)
        earliest = min(event.timestamp_ns, stored.stored * 10**9) - _EARLIER
        record = await asyncio.to_thread(self._find, event, earliest, stored)
        since = datetime.fromtimestamp(max(0, earliest) // 10**9, UTC)
        dead = await asyncio.to_thread(self._boxes.reasons, uuid, since)
        return [
            self._fate(worker, event, record.seq if record else None, dead.get(name))
            for name, worker in self._workers.items()
        ]

    def _find(self, event: Event, earliest: int, stored: Stored) -> Record | None:
        """The journal's record of it, which nothing but time leads to: ids are random."""
        beginning = f'{{"uuid":"{event.uuid}"'.encode()
        return self._journal.find(beginning, earliest, stored.stored * 10**9 + _LATER)

    def _fate(self, worker: Worker, event: Event, seq: int | None, dead: str | None) -> Fate:
        name = worker.name
        history = self._histories.get(name)
        attempts = history.attempts(seq, event.uuid) if history and seq is not None else []
        if dead is not None:
            return Fate(name, "dead", dead, attempts)
        unmet = [reason.text for reason in Route(worker.output.settings).explain(event) if not reason.met]
        if unmet:
            return Fate(name, "filtered", "; ".join(unmet))
        if seq is None:
            return Fate(name, "unknown", "The journal no longer has it.")
        if history and (skipped := history.reason_skipped(seq)):
            return Fate(name, skipped)
        if attempts and attempts[-1].outcome == "ok":
            return Fate(name, "delivered", _success(attempts), attempts)
        if seq >= worker.cursor.position and seq not in worker.cursor.ahead:
            return Fate(name, "waiting", self._obstacle(worker), attempts)
        if seq < self._since(worker):
            return Fate(name, "unknown", "It came before this output was known.")
        return Fate(name, "delivered", attempts=attempts)

    def _since(self, worker: Worker) -> int:
        """The first alert that the output was to have."""
        known = self._roster.since(worker.name) if worker.output.durable else None
        return worker.first if known is None else known

    def _obstacle(self, worker: Worker) -> str:
        pause = self._roster.paused(worker.name)
        return f"paused by {pause.by}" if pause else worker.last_error


def _success(attempts: Sequence[Attempt]) -> str:
    at = datetime.fromtimestamp(attempts[-1].at, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    tries = sum(attempt.times for attempt in attempts)
    return f"{at}, at the first try" if tries == 1 else f"{at}, after {tries} tries"
