"""`sidekick outputs`: where alerts can go, and what each of these outputs needs."""

import sys

import click

from sidekick.settings.catalog import OutputType
from sidekick.settings.example import least_example, output_example
from sidekick.settings.schema import Schema, schema


@click.command()
@click.argument("name", required=False)
def command(name: str | None) -> None:
    """Lists all outputs, or prints what NAME understands as an example to copy into a configuration file."""
    known = schema()
    if name is None:
        click.echo(_listing(known), nl=False)
        return
    kind = known.types.get(name.lower())
    if kind is None:
        meant = [found for found in known.suggest(name.lower()) if found in known.types]
        click.echo(f"no output is called {name}" + (f"; did you mean {meant[0]}?" if meant else ""), err=True)
        sys.exit(2)
    click.echo("\n".join(filter(None, (least_example(kind), output_example(kind, known)))), nl=False)


def _listing(known: Schema) -> str:
    rows = [("NAME", "KIND", "ON WHEN THESE KEYS HAVE A VALUE"), *map(_row, known.types.values())]
    widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
    return "".join(f"{name:{widths[0]}}  {category:{widths[1]}}  {needs}\n" for name, category, needs in rows)


def _row(kind: OutputType) -> tuple[str, str, str]:
    category = kind.output.category if kind.output else "not yet"
    return kind.name, category, ", ".join(kind.requires) or "(always)"
