"""`sidekick replay`: sends again what the journal still holds, for a destination that lost it or never had it."""

import asyncio
import signal
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import click
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from sidekick.app import build_output, context
from sidekick.commands.config_file import config_file
from sidekick.commands.options import Condition, Moment, configuration, output_named
from sidekick.delivery import Refusals, ReplayCursor, Worker
from sidekick.event import Event
from sidekick.journal import JournalError, JournalReader, Record
from sidekick.pipeline import Route
from sidekick.settings import Configuration

_console = Console(stderr=True)


@click.command()
@config_file
@click.option("--output", required=True, help="Name of the output, as in the configuration.")
@click.option("--since", type=Moment(), required=True, help="From when on: 2h, or 2026-05-06T07:00.")
@click.option("--until", type=Moment(), default="0", show_default="now", help="Up to when.")
@click.option("--filter", "wanted", type=Condition(), default=None, help="Only alerts that meet this condition too.")
def command(
    config_file: Path | None,
    output: str,
    since: datetime,
    until: datetime,
    wanted: Callable[[Event], bool] | None,
) -> None:
    """Sends the alerts that arrived in a span of time to one output again, under the same ids.

    The service may be running meanwhile. A destination that knows the ids (Elasticsearch, a database) keeps one copy.
    What the output's own filter refuses is left out, as ever. Exit code 1 if anything was not delivered.
    """
    settings = configuration(config_file)
    own = Route(output_named(settings, output).settings)
    try:
        records = JournalReader(settings.journal_path).records(_ns(since), _ns(until))
    except JournalError as error:
        click.echo(error, err=True)
        sys.exit(1)
    outcome = replay(settings, output, records, lambda event: own(event) and (wanted is None or wanted(event)))
    sys.exit(0 if outcome.complete else 1)


def _ns(moment: datetime) -> int:
    return int(moment.timestamp() * 1e9)


@dataclass(frozen=True)
class Outcome:
    """How far a replay came: which records, counted from 0, are `done`, and the reasons of those refused, by id."""

    done: Callable[[int], bool]
    refused: dict[str, str]
    complete: bool


def replay(
    configuration: Configuration, name: str, records: Iterable[Record], wanted: Callable[[Event], bool]
) -> Outcome:
    """Delivers records to one output and says on the terminal how it goes."""
    output = build_output(output_named(configuration, name), context(configuration))
    refusals = Refusals()
    worker: Worker
    with Progress(SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn(), console=_console) as progress:
        task = progress.add_task(f"{name}: nothing sent yet", total=None)
        cursor = ReplayCursor(
            iter(records),
            passed=lambda count: progress.update(task, description=f"{name}: {count} alerts done"),
            ended=lambda: worker.stop(),
        )
        worker = Worker(name, output, cursor, wanted, refusals)
        interrupted = asyncio.run(_run(worker))
    complete = not (refusals.reasons or worker.last_error or interrupted)
    _report(worker, refusals, interrupted)
    return Outcome(cursor.done, refusals.reasons, complete)


def _report(worker: Worker, refusals: Refusals, interrupted: bool) -> None:
    counts = worker.counts
    delivered = counts.delivered + len(worker.cursor.ahead)
    _console.print(f"{delivered} delivered, {counts.filtered} filtered out, {len(refusals.reasons)} refused.")
    for id, reason in refusals.reasons.items():
        _console.print(f"{id}: {reason}", markup=False)
    if worker.last_error or interrupted:
        _console.print(f"Stopped before the end: {worker.last_error or 'interrupted.'}", markup=False)


async def _run(worker: Worker) -> bool:
    """Runs until all is done, or until Ctrl-C, after which the batch in hand finishes; True then."""
    interrupted = asyncio.Event()

    def interrupt() -> None:
        interrupted.set()
        worker.stop(drain=False)

    asyncio.get_running_loop().add_signal_handler(signal.SIGINT, interrupt)
    await worker.run()
    return interrupted.is_set()
