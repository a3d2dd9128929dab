"""Tables for a terminal, of texts that others wrote."""

from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from sidekick.unseen import UNSEEN, number


def table(*columns: str | Column) -> Table:
    """Without lines around; a column that must not be cut is `whole`."""
    return Table(*columns, box=None, header_style="bold")


def whole(name: str) -> Column:
    return Column(name, no_wrap=True)


def untrusted(text: str) -> Text:
    """A sender's text: what looks like markup or commands the terminal is shown, not obeyed."""
    parts = UNSEEN.split(text)
    return Text.assemble(*((number(part), "reverse") if index % 2 else part for index, part in enumerate(parts)))


def print_table(table: Table) -> None:
    Console().print(table)
