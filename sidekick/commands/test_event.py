"""`sidekick test-event`: one alert straight to a destination, and its answer."""

import asyncio
import sys
from pathlib import Path
from typing import Any

import click

from sidekick.app import build_output, context
from sidekick.commands.config_file import config_file
from sidekick.commands.options import configuration, output_named
from sidekick.delivery import Connection
from sidekick.event import Event
from sidekick.sdk.errors import DeliveryError
from sidekick.sdk.output import Output


@click.command("test-event")
@config_file
@click.option("--output", "name", required=True, help="Name of the output, as in the configuration.")
def command(config_file: Path | None, name: str) -> None:
    """Sends falcosidekick's test event to one output, past its filter and the journal, and says what it answered."""
    settings = configuration(config_file)
    output = build_output(output_named(settings, name), context(settings))
    try:
        asyncio.run(_deliver(output))
    except DeliveryError as error:
        click.echo(f"{name}: not delivered: {error}", err=True)
        sys.exit(1)
    click.echo(f"{name}: delivered.")


async def _deliver(output: Output[Any]) -> None:
    connection = Connection(output)
    try:
        await connection.send([Event.test()])
    finally:
        await connection.close()
