"""Tables for a terminal, of texts that others wrote; for a program that reads along, a line a row."""

import os
from collections.abc import Iterator

import click
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from sidekick.unseen import UNSEEN, number

_WIDEST = 40
"""Characters to which a column is filled up where nobody looks: one long text must not lengthen all lines."""


def table(*columns: str | Column) -> Table:
    """Without lines around; a column that must not be broken is `whole`."""
    kept = (Column(column, overflow="fold") if isinstance(column, str) else column for column in columns)
    return Table(*kept, box=None, header_style="bold")


def whole(name: str) -> Column:
    return Column(name, no_wrap=True)


def untrusted(text: str) -> Text:
    """A sender's text: what looks like markup or commands the terminal is shown, not obeyed."""
    parts = UNSEEN.split(text)
    return Text.assemble(*((number(part), "reverse") if index % 2 else part for index, part in enumerate(parts)))


def print_table(table: Table) -> None:
    console = Console()
    if console.is_terminal or "COLUMNS" in os.environ:
        console.print(table)
    else:
        click.echo("\n".join(_lines(table)))


def _lines(table: Table) -> Iterator[str]:
    columns = [[_plain(column.header), *map(_plain, column.cells)] for column in table.columns]
    widths = [min(_WIDEST, max(map(len, column))) for column in columns]
    for row in zip(*columns, strict=True):
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def _plain(cell: object) -> str:
    return " ".join(str(cell).split())
