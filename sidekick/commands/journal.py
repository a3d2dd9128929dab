"""`sidekick journal`: what the journal holds, whether it is whole, and all of it as JSON lines."""

import json
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

import click
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from sidekick.commands.config_file import config_file
from sidekick.commands.options import Moment, configuration
from sidekick.journal import JournalError, JournalReader, Report

Opened = Callable[[], JournalReader]
_as_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")


@click.group("journal")
@config_file
@click.option("--path", type=click.Path(path_type=Path), help="Directory of the journal; the configured one if unset.")
@click.pass_context
def command(ctx: click.Context, config_file: Path | None, path: Path | None) -> None:
    """Checks, repairs and exports the journal.

    Exit codes: 0 all is well, 1 something is damaged or could not be done, 2 there is no journal there.
    """
    ctx.obj = lambda: _opened(path or configuration(config_file).journal_path)  # the help of a command needs none


def _opened(path: Path) -> JournalReader:
    try:
        return JournalReader(path)
    except JournalError as error:
        click.echo(error, err=True)
        sys.exit(2)


@command.command()
@_as_json
@click.pass_obj
def check(opened: Opened, as_json: bool) -> None:
    """Reads everything and says what it is; the service may be running. Exit code 1 if anything is damaged."""
    reader = opened()
    with _failures(), _progress("checking", reader.bytes) as progress:
        report = reader.check(progress)
    _print(report, as_json)
    sys.exit(0 if report.sound else 1)


@command.command()
@_as_json
@click.pass_obj
def repair(opened: Opened, as_json: bool) -> None:
    """Writes damaged files anew without the damage and says what that was; the service must not be running.

    The damaged files are kept, as NAME.damaged.
    """
    reader = opened()
    with _failures(), _progress("repairing", reader.bytes) as progress:
        report = reader.repair(progress)
    _print(report, as_json)


@command.command()
@click.option("--since", type=Moment(), help="Only what was accepted from then on: 2h, or 2026-05-06T07:00.")
@click.option("--until", type=Moment(), help="Only what was accepted before then.")
@click.option("-o", "--output", type=click.File("wb"), default="-", help="File to write; standard output if unset.")
@click.pass_obj
def export(opened: Opened, since: datetime | None, until: datetime | None, output: BinaryIO) -> None:
    """Writes the alerts as JSON lines, as they were accepted, oldest first; the service may be running."""
    reader = opened()
    with _failures(), _progress("exporting", reader.bytes) as progress:
        count = reader.export(output, _ns(since) or 0, _ns(until), progress)
    click.echo(f"{count} alerts exported.", err=True)


def _ns(moment: datetime | None) -> int | None:
    return None if moment is None else int(moment.timestamp() * 1e9)


@contextmanager
def _failures() -> Generator[None]:
    try:
        yield
    except BrokenPipeError:  # who reads the export has seen enough: click ends quietly
        raise
    except (JournalError, OSError) as error:
        click.echo(error, err=True)
        sys.exit(1)


@contextmanager
def _progress(verb: str, total: int) -> Generator[Callable[[int], None]]:
    columns = (TextColumn(verb), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    # Where nobody looks it would write an empty line.
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(verb, total=total)
        waiting = 0

        def advance(size: int) -> None:  # the bar costs more than the reading if it moves for every record
            nonlocal waiting
            waiting += size
            if waiting >= total // 200:
                progress.advance(task, waiting)
                waiting = 0

        yield advance


def _print(report: Report, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(asdict(report) | {"missing": report.missing, "sound": report.sound}))
        return
    click.echo(f"{report.records} alerts in {report.segments} files, {report.bytes} bytes.")
    if report.oldest_ns is not None and report.newest_ns is not None:
        click.echo(f"Accepted from {_time(report.oldest_ns)} to {_time(report.newest_ns)}.")
    for name, position in sorted(report.cursors.items()):
        click.echo(f"{name}: {_waiting(report, position)}")
    for stretch in report.damage:
        click.echo(f"{stretch.file}: bytes {stretch.start} to {stretch.end} cannot be read")
    if report.missing:
        click.echo(f"{report.missing} alerts are missing.")
    if report.unfinished:
        click.echo(f"The last {report.unfinished} bytes are a write without an end, which the next start cuts.")


def _waiting(report: Report, position: int | None) -> str:
    if position is None:
        return "its place cannot be read, so it gets everything again"
    waiting = 0 if report.last_seq is None else max(0, report.last_seq + 1 - position)
    return f"{waiting} alerts wait"


def _time(ns: int) -> str:
    return datetime.fromtimestamp(ns / 1e9, UTC).isoformat(" ", "seconds")
