"""A server that goes away in mid-stream or refuses some alerts, under an output that the engine drives from a real
journal."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from sidekick.delivery import DeadLetters, Worker
from sidekick.event import Event
from sidekick.journal import Journal, JournalSettings
from sidekick.sdk import Output
from tests.deadline import until
from tests.delivery.bench import Bench, assert_sums
from tests.outputs.alerts import alert
from tests.services.server import Server

RETRY = {"minimum": "10ms", "maximum": "200ms"}
_AT_ONCE = 5
_AHEAD = 200  # alerts that may wait: the end comes soon, however slow the server


async def through(
    output: Output[Any], folder: Path, *troubles: Callable[[], object], between: int = 150
) -> list[Event]:
    """Alerts come all the time, and whenever `between` more of them are delivered, the next trouble happens (in a
    thread). Returns what came, once all of it is delivered."""
    events = list[Event]()
    async with _engine(output, folder) as (bench, worker):
        ended = asyncio.Event()
        feeding = asyncio.create_task(_feed(bench, worker, events, ended))
        try:
            for trouble in (*troubles, lambda: None):
                goal = worker.counts.delivered + between
                await until(lambda goal=goal: worker.counts.delivered >= goal)
                await asyncio.to_thread(trouble)
        finally:
            ended.set()
            await feeding
        await until(lambda: worker.cursor.waiting == 0)
    assert_sums(worker, len(events))
    assert worker.counts.delivered == len(events)
    return events


async def refused(output: Output[Any], folder: Path, events: list[Event]) -> list[str]:
    """Delivers these, and returns the ids of those that became dead letters, in their order."""
    async with _engine(output, folder) as (bench, worker):
        await bench.append(events)
        await until(lambda: worker.cursor.waiting == 0)
    assert_sums(worker, len(events))
    return list(bench.letters.letters())


@asynccontextmanager
async def _engine(output: Output[Any], folder: Path) -> AsyncGenerator[tuple[Bench, Worker]]:
    journal = Journal.open(JournalSettings(path=str(folder / "journal"), fsync="no"))
    await journal.start()
    bench = Bench(journal, DeadLetters(folder / "dead-letters", "destination"))
    worker = bench.worker(output)
    try:
        async with bench.running(worker):
            yield bench, worker
    except TimeoutError as error:
        error.add_note(worker.last_error)
        raise
    finally:
        await journal.close()


def restart(end: Callable[[], None], server: Server) -> Callable[[], None]:
    """Ends the server by `server.stop` or `server.kill`, and starts it again."""

    def trouble() -> None:
        end()
        server.start()

    return trouble


async def _feed(bench: Bench, worker: Worker, events: list[Event], ended: asyncio.Event) -> None:
    while not ended.is_set():
        if worker.cursor.waiting < _AHEAD:
            more = [alert({"number": len(events) + at}) for at in range(_AT_ONCE)]
            events += more
            await bench.append(more)
        await asyncio.sleep(0.01)
