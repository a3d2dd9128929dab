"""`sidekick dead-letters`: what no destination would take, for a person to look at, send again or drop."""

import json
import sys
from collections import deque
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from sidekick.commands.options import config_file, configuration
from sidekick.delivery import DeadLetter, DeadLetters
from sidekick.journal import Record
from sidekick.receiver.refused import read as read_refused
from sidekick.settings import Configuration


@click.group("dead-letters")
@config_file
@click.pass_context
def command(ctx: click.Context, config_file: Path | None) -> None:
    """Lists, shows, replays and drops alerts that a destination refused for good."""
    ctx.obj = configuration(ctx, config_file)


def _boxes(configuration: Configuration, output: str | None) -> dict[str, DeadLetters]:
    folder = configuration.folder / "dead-letters"
    names = sorted(path.stem for path in folder.glob("*.jsonl"))
    return {name: DeadLetters(folder, name) for name in names if output in (None, name)}


def _find(configuration: Configuration, id: str) -> tuple[str, DeadLetter]:
    """The one letter whose id starts so, and its output; exits 1 when there is none."""
    for name, box in _boxes(configuration, None).items():
        for letter in box.letters().values():
            if letter.id.startswith(id):
                return name, letter
    click.echo(f"No dead letter has an id that starts with {id!r}; `sidekick dead-letters list` shows all.", err=True)
    sys.exit(1)


@command.command("list")
@click.option("--output", help="Only those of this output.")
@click.option("--refused", is_flag=True, help="Instead: the last bodies that were posted and were no alert.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.pass_obj
def list_letters(configuration: Configuration, output: str | None, refused: bool, as_json: bool) -> None:
    """Lists dead letters, oldest first."""
    if refused:
        _list_refused(configuration.folder / "refused.jsonl", as_json)
        return
    rows = [(name, letter) for name, box in _boxes(configuration, output).items() for letter in box.letters().values()]
    if as_json:
        for name, letter in rows:
            click.echo(json.dumps({"output": name, "id": letter.id, "at": letter.at, "reason": letter.reason}))
    elif rows:
        _print_table(rows)
    else:
        click.echo("No dead letters.")


def _list_refused(path: Path, as_json: bool) -> None:
    entries = deque(read_refused(path), maxlen=1000)
    table = Table("at", "from", "reason", "bytes", "body", box=None, header_style="bold")
    for entry in entries:
        at = datetime.fromtimestamp(entry.time, UTC).isoformat(timespec="seconds")
        body = entry.body.decode("utf-8", "replace")
        if as_json:
            row = {"at": at, "from": entry.peer, "reason": entry.reason, "bytes": entry.length, "body": body}
            click.echo(json.dumps(row))
        else:
            table.add_row(at, entry.peer, entry.reason, str(entry.length), Text(" ".join(body.split())[:80]))
    if not as_json:
        Console().print(table if entries else "No refused bodies.")


def _print_table(rows: Sequence[tuple[str, DeadLetter]]) -> None:
    table = Table("output", "id", "since", "rule", "reason", box=None, header_style="bold")
    for name, letter in rows:
        # An alert's text is the sender's: what looks like markup in it is shown, not obeyed.
        table.add_row(name, letter.id[:8], letter.at[:19], Text(letter.decoded().rule), Text(letter.reason))
    Console().print(table)


@command.command()
@click.argument("id")
@click.pass_obj
def show(configuration: Configuration, id: str) -> None:
    """Prints one dead letter whole: the reason and the alert. ID may be its first characters."""
    name, letter = _find(configuration, id)
    alert = json.loads(bytes(letter.event))
    click.echo(json.dumps({"output": name, "at": letter.at, "reason": letter.reason, "event": alert}, indent=2))


@command.command()
@click.option("--output", required=True, help="The output whose dead letters are meant.")
@click.argument("ids", nargs=-1)
@click.option("--all", "every", is_flag=True, help="All of that output's, instead of IDS.")
@click.pass_obj
def drop(configuration: Configuration, output: str, ids: tuple[str, ...], every: bool) -> None:
    """Throws dead letters away, for good."""
    letters = _chosen(configuration, output, ids, every)
    DeadLetters(configuration.folder / "dead-letters", output).remove([letter.id for letter in letters], "dropped")
    click.echo(f"{len(letters)} dropped.")


def _chosen(configuration: Configuration, output: str, ids: tuple[str, ...], every: bool) -> list[DeadLetter]:
    if not every and not ids:
        raise click.UsageError("name the ids, or say --all")
    letters = [letter for box in _boxes(configuration, output).values() for letter in box.letters().values()]
    return [letter for letter in letters if every or letter.id.startswith(ids)]


@command.command()
@click.option("--output", required=True, help="The output whose dead letters are sent again.")
@click.argument("ids", nargs=-1)
@click.option("--all", "every", is_flag=True, help="All of that output's, instead of IDS.")
@click.pass_obj
def replay(configuration: Configuration, output: str, ids: tuple[str, ...], every: bool) -> None:
    """Sends dead letters again, under the same ids; those taken leave the list. Exit code 1 if any stays."""
    from sidekick.commands.replay import replay as deliver  # noqa: PLC0415  (only this one needs the engine)

    letters = _chosen(configuration, output, ids, every)
    records = [Record(index, 0, bytes(letter.event)) for index, letter in enumerate(letters)]
    outcome = deliver(configuration, output, records, lambda event: True)
    taken = [letter.id for letter in letters[: outcome.done] if letter.id not in outcome.refused]
    DeadLetters(configuration.folder / "dead-letters", output).remove(taken, "replayed")
    sys.exit(0 if len(taken) == len(letters) else 1)
