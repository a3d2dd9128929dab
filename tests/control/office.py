"""A service in parts, as `sidekick run` joins them, without its ports: a real journal, real workers that deliver to a
real endpoint and to a real store, and all that people can do to them.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from outputs.store import Store
from outputs.webhook import Webhook
from sidekick.control import Assembly, Parts, Service
from sidekick.control.trail import Entry, Trail
from sidekick.delivery import DeadLetters, History, Roster, Worker, Workers
from sidekick.event import Event, decode
from sidekick.journal import Journal, JournalSettings
from sidekick.pipeline import Route, Senders, SendersSettings, Silences
from sidekick.receiver import RefusedLog
from sidekick.sdk.output import Context, Output
from sidekick.store import Reader
from tests.deadline import until
from tests.faults.endpoint import Endpoint
from tests.faults.falco import body

RETRY = {"minimum": "1ms", "maximum": "20ms"}
KINDS: dict[str, type[Output[Any]]] = {"webhook": Webhook, "store": Store}


class Unchanged:
    """A configuration that nobody writes anew."""

    problem = ""


class Office:
    """Alerts come in by `accept`, and are in the store when it returns."""

    def __init__(self, home: Path, journal: Journal, settings: dict[str, dict[str, Any]], blocker: Path | None) -> None:
        self.home = home
        self.journal = journal
        self.workers = Workers()
        self.roster = Roster(home / "outputs.json")
        self.silences = Silences(home / "silences.json")
        self._settings = settings
        self.histories = {name: History() for name in settings}
        parts = Parts(
            folder=home,
            journal=journal,
            workers=self.workers,
            histories=self.histories,
            roster=self.roster,
            silences=self.silences,
            build=self.build,
            reader=Reader(home / "events.sqlite", limit=30),
            refused=RefusedLog(),
            senders=Senders(home / "senders.json", SendersSettings()),
            reload=Unchanged(),
            blocker=blocker,
            patience=0.5,
        )
        self.assembly = Assembly(parts, access=None)  # type: ignore[arg-type]  (nobody asks here who may)

    @property
    def service(self) -> Service:
        return self.assembly.service

    def build(self, name: str) -> Output[Any]:
        kind = KINDS[name]
        return kind(kind.Settings.model_validate(self._settings[name]), Context())

    def box(self, name: str) -> DeadLetters:
        return DeadLetters(self.home / "dead-letters", name)

    def start(self) -> None:
        for name in self._settings:
            output = self.build(name)
            cursor = self.journal.cursor(name)
            silenced = self.silences.covers if output.heeds_silences else None
            route, history = Route(output.settings), self.histories[name]
            worker = Worker(name, output, cursor, route, self.box(name), silenced, history=history)
            if self.roster.paused(name):
                worker.pause()
            self.workers.start(worker)
        self.roster.settle({name: worker.first for name, worker in self.workers.items()})

    async def accept(self, *numbers: int) -> list[Event]:
        events = [decode(body(number))[0] for number in numbers]
        kept = asyncio.get_running_loop().create_future()
        self.journal.append([event.json for event in events], kept.set_result)
        assert await kept is None
        await until(lambda: self.workers["store"].cursor.waiting == 0, what="the store has them")
        return events

    async def fate(self, event: Event) -> tuple[str, str]:
        """What became of that alert at the webhook."""
        (found,) = [one for one in await self.service.outputs.deliveries(event.uuid) if one.output == "webhook"]
        return found.status, found.detail

    async def state(self) -> Any:
        (found,) = [one for one in await self.service.outputs.states() if one.name == "webhook"]
        return found

    async def trail(self) -> list[Entry]:
        """The newest last."""
        return list(reversed(await Trail(self.home / "trail.jsonl").entries()))


@asynccontextmanager
async def office(
    home: Path, endpoint: Endpoint, *, blocker: Path | None = None, **webhook: Any
) -> AsyncGenerator[Office]:
    journal = Journal.open(JournalSettings(path=str(home / "journal"), fsync="no"))
    await journal.start()
    settings = {
        "store": {"path": str(home / "events.sqlite")},
        "webhook": {"address": endpoint.url, "retry": RETRY} | webhook,
    }
    one = Office(home, journal, settings, blocker)
    one.start()
    try:
        await until(lambda: one.workers["store"].connected, what="the store is there")
        yield one
    finally:
        await one.assembly.close()
        await one.workers.stop(list(one.workers), 5)
        await journal.close()
