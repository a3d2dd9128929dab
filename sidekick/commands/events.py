"""`sidekick events`: searches the embedded store from a shell."""

import asyncio
import sys
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path

import click

from outputs.store import StoreSettings
from sidekick.commands.config_file import config_file
from sidekick.commands.options import Condition, Moment, configuration, output_named
from sidekick.commands.table import print_table, table, untrusted, whole
from sidekick.event import Event
from sidekick.filter import Filter
from sidekick.store import Reader, Search, StoreError

_PAGE = 500


@click.command()
@config_file
@click.argument("words", nargs=-1)
@click.option("--since", type=Moment(), help="From when on: 2h, or 2026-05-06T07:00.")
@click.option("--until", type=Moment(), help="Up to when; now if unset.")
@click.option("--filter", "condition", type=Condition(), help="Only alerts that meet this condition.")
@click.option("--limit", type=click.IntRange(min=1), default=50, show_default=True, help="Most alerts shown.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line, as it was delivered.")
def command(
    config_file: Path | None,
    words: tuple[str, ...],
    since: datetime | None,
    until: datetime | None,
    condition: Filter | None,
    limit: int,
    as_json: bool,
) -> None:
    """Shows stored alerts, newest first: those that hold all WORDS; `pass*` is every word that begins so.

    The output `store` must be on; the service may be running meanwhile.
    """
    settings = output_named(configuration(config_file), "store").settings
    assert isinstance(settings, StoreSettings)
    search = Search(" ".join(words), condition, _microseconds(since), _microseconds(until))
    try:
        asyncio.run(_show(Path(settings.path), search, limit, as_json))
    except StoreError as error:
        click.echo(str(error), err=True)
        sys.exit(1)


def _microseconds(moment: datetime | None) -> int | None:
    return None if moment is None else int(moment.timestamp() * 1_000_000)


async def _show(path: Path, search: Search, limit: int, as_json: bool) -> None:
    found = [event async for event in _found(path, search, limit)]
    if as_json:
        for event in found:
            click.echo(event.json)
    elif found:
        rows = table(whole("time"), whole("priority"), "rule", "host", "output")
        for event in found:
            texts = map(untrusted, (event.rule, event.hostname, event.output))
            rows.add_row(event.time[:19], event.priority.value, *texts)
        print_table(rows)
    else:
        click.echo("No such alerts.")


async def _found(path: Path, search: Search, limit: int) -> AsyncIterator[Event]:
    """Page after page, until there are enough or no more."""
    reader = Reader(path)
    before: int | None = None
    try:
        while limit > 0:
            wanted = Search(search.words, search.condition, search.since, search.until, before, min(limit, _PAGE))
            page = await reader.find(wanted)
            for stored in page.events:
                yield Event.from_json(stored.alert)
            limit -= len(page.events)
            before = page.next
            if before is None:
                break
    finally:
        await reader.close()
