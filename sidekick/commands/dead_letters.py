"""`sidekick dead-letters`: what no destination would take, for a person to look at, send again or drop."""

import json
import sys
from collections import deque
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import click

from sidekick.commands.config_file import config_file
from sidekick.commands.options import configuration
from sidekick.commands.table import print_table, table, untrusted, whole
from sidekick.delivery import DeadLetter, DeadLetters, taken
from sidekick.journal import Record
from sidekick.receiver.refused import read as read_refused
from sidekick.settings import Configuration

Configured = Callable[[], Configuration]


@click.group("dead-letters")
@config_file
@click.pass_context
def command(ctx: click.Context, config_file: Path | None) -> None:
    """Lists, shows, replays and drops alerts that a destination refused for good."""
    ctx.obj = lambda: configuration(config_file)  # the help of a command needs none


def _folder(configuration: Configuration) -> Path:
    return configuration.folder / "dead-letters"


def _known(configuration: Configuration, output: str | None) -> None:
    """A usage error (exit code 2) for an output that is neither configured nor has letters: "none" would mislead."""
    names = {*configuration.outputs, *configuration.off, *_with_letters(_folder(configuration))}
    if output is not None and output not in names:
        raise click.UsageError(f"no output is called {output!r}; there are: {', '.join(sorted(names))}")


def _with_letters(folder: Path) -> list[str]:
    return sorted(path.stem for path in folder.glob("*.jsonl"))


def _letters(folder: Path, output: str | None) -> list[tuple[str, DeadLetter]]:
    """Each with its output's name: those of one output, or of all."""
    wanted = [name for name in _with_letters(folder) if output in (None, name)]
    return [(name, letter) for name in wanted for letter in DeadLetters(folder, name).letters().values()]


@command.command("list")
@click.option("--output", help="Only those of this output.")
@click.option("--refused", is_flag=True, help="Instead: the last bodies that were posted and were no alert.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.pass_obj
def list_letters(configured: Configured, output: str | None, refused: bool, as_json: bool) -> None:
    """Lists dead letters, oldest first."""
    configuration = configured()
    if refused:
        _list_refused(configuration.folder / "refused.jsonl", as_json)
        return
    _known(configuration, output)
    rows = _letters(_folder(configuration), output)
    if as_json:
        for name, letter in rows:
            click.echo(json.dumps({"output": name, "id": letter.id, "at": letter.at, "reason": letter.reason}))
    elif rows:
        _print_table(rows)
    else:
        click.echo("No dead letters.")


def _list_refused(path: Path, as_json: bool) -> None:
    entries = deque(read_refused(path), maxlen=1000)
    rows = table(whole("at"), "from", "reason", "bytes", "body")
    for entry in entries:
        at = datetime.fromtimestamp(entry.time, UTC).isoformat(timespec="seconds")
        body = entry.body.decode("utf-8", "replace")
        if as_json:
            row = {"at": at, "from": entry.peer, "reason": entry.reason, "bytes": entry.length, "body": body}
            click.echo(json.dumps(row))
        else:
            rows.add_row(at, entry.peer, entry.reason, str(entry.length), untrusted(" ".join(body.split())[:80]))
    if not as_json:
        print_table(rows) if entries else click.echo("No refused bodies.")


def _print_table(rows: Sequence[tuple[str, DeadLetter]]) -> None:
    shown = table(whole("output"), whole("id"), whole("since"), "rule", "reason")
    for name, letter in rows:
        shown.add_row(name, letter.id[:8], letter.at[:19], untrusted(letter.decoded().rule), untrusted(letter.reason))
    print_table(shown)


@command.command()
@click.argument("id")
@click.pass_obj
def show(configured: Configured, id: str) -> None:
    """Prints a dead letter whole, of each output that has it: the reason and the alert. ID may be its first characters.

    Exit code 1 if there is none.
    """
    found = [pair for pair in _letters(_folder(configured()), None) if pair[1].id.startswith(id)]
    if not found:
        none = f"No dead letter has an id that starts with {id!r}; `sidekick dead-letters list` shows all."
        click.echo(none, err=True)
        sys.exit(1)
    for name, letter in found:
        alert = json.loads(bytes(letter.event))
        click.echo(json.dumps({"output": name, "at": letter.at, "reason": letter.reason, "event": alert}, indent=2))


@command.command()
@click.option("--output", required=True, help="The output whose dead letters are meant.")
@click.argument("ids", nargs=-1)
@click.option("--all", "every", is_flag=True, help="All of that output's, instead of IDS.")
@click.pass_obj
def drop(configured: Configured, output: str, ids: tuple[str, ...], every: bool) -> None:
    """Throws dead letters away, for good. Each of IDS may be the first characters of one."""
    configuration = configured()
    _known(configuration, output)
    folder = _folder(configuration)
    letters = _chosen(folder, output, ids, every)
    _remove(folder, output, [letter.id for letter in letters], "dropped")
    click.echo(f"{len(letters)} dropped.")


def _chosen(folder: Path, output: str, ids: tuple[str, ...], every: bool) -> list[DeadLetter]:
    if not every and not ids:
        raise click.UsageError("name the ids, or say --all")
    letters = [letter for _, letter in _letters(folder, output)]
    chosen = letters if every else [_meant(id, letters) for id in ids]
    return list({letter.id: letter for letter in chosen}.values())


def _meant(id: str, letters: Sequence[DeadLetter]) -> DeadLetter:
    """The one whose id starts so; a usage error otherwise: an empty variable of a script must not mean all."""
    found = [letter for letter in letters if letter.id.startswith(id)]
    if len(found) == 1:
        return found[0]
    raise click.UsageError(f"{len(found)} dead letters of this output have an id that starts with {id!r}")


def _remove(folder: Path, output: str, ids: Sequence[str], how: Literal["dropped", "replayed"]) -> None:
    if ids:  # else the output may be none at all, and shall have no file
        DeadLetters(folder, output).remove(ids, how)


@command.command()
@click.option("--output", required=True, help="The output whose dead letters are sent again.")
@click.argument("ids", nargs=-1)
@click.option("--all", "every", is_flag=True, help="All of that output's, instead of IDS.")
@click.pass_obj
def replay(configured: Configured, output: str, ids: tuple[str, ...], every: bool) -> None:
    """Sends dead letters again, under the same ids; those taken leave the list. Exit code 1 if any stays.

    Each of IDS may be the first characters of one.
    """
    from sidekick.commands.replay import replay as deliver  # noqa: PLC0415  (only this one needs the engine)

    configuration = configured()
    _known(configuration, output)
    folder = _folder(configuration)
    letters = _chosen(folder, output, ids, every)
    records = [Record(index, 0, bytes(letter.event)) for index, letter in enumerate(letters)]
    outcome = deliver(configuration, output, records, lambda event: True)
    gone = taken([letter.id for letter in letters], outcome.done, outcome.refused)
    _remove(folder, output, gone, "replayed")
    sys.exit(0 if len(gone) == len(letters) else 1)
