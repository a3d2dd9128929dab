"""`sidekick outputs`: where alerts can go, and what each of these outputs needs."""

import sys

import click

from sidekick.settings.catalog import OutputType
from sidekick.settings.example import least_example, output_example
from sidekick.settings.overview import resend
from sidekick.settings.schema import Schema, schema


@click.command()
@click.argument("name", required=False)
def command(name: str | None) -> None:
    """Lists all outputs, or prints what NAME understands as an example to copy into a configuration file.

    AT ONCE is the most alerts in one request. RESENT: whether an alert that was sent again is there once or twice.
    """
    known = schema()
    if name is None:
        click.echo(_listing(known), nl=False)
        return
    kind = known.types.get(name.lower())
    if kind is None:
        click.echo(f"no output is called {name}{_meant(name.lower(), known)}", err=True)
        sys.exit(2)
    click.echo("\n".join(filter(None, (least_example(kind), output_example(kind, known)))), nl=False)


def _meant(name: str, known: Schema) -> str:
    of = name.rpartition(".")[0]
    if of in known.types:
        return f"; an instance such as {name} has the keys of {of}"
    meant = [found for found in known.suggest(name) if found in known.types]
    return f"; did you mean {meant[0]}?" if meant else ""


def _listing(known: Schema) -> str:
    rows = [("NAME", "KIND", "AT ONCE", "RESENT", "ON WHEN THESE KEYS HAVE A VALUE"), *map(_row, known.types.values())]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    padded = ("  ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)) for row in rows)
    return "".join(f"{line.rstrip()}\n" for line in padded)


def _row(kind: OutputType) -> tuple[str, ...]:
    needs = ", ".join(kind.requires) or "(always)"
    return kind.name, kind.output.category, str(kind.output.limits.count), resend(kind), needs
