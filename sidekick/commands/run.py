"""`sidekick run`, the default: the service itself."""

import asyncio
import logging
import os
import sys
from pathlib import Path

import click
import uvloop

from sidekick.app import App, StartError
from sidekick.commands.config_file import config_file
from sidekick.commands.options import configuration
from sidekick.settings import load
from sidekick.telemetry import set_up_logging

log = logging.getLogger(__name__)


@click.command()
@config_file
def command(config_file: Path | None) -> None:
    """Runs the service until SIGTERM or SIGINT, then delivers what it can and ends with code 0."""
    settings = configuration(config_file)
    set_up_logging(settings.log.format, settings.loglevel)
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(App(settings, lambda: load(config_file, os.environ)).run())
    except StartError as error:
        log.critical("%s", error)
        sys.exit(1)
