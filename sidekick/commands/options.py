"""Options and answers that several commands share."""

import os
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from sidekick.filter import Filter, FilterError, compile_filter
from sidekick.sdk.moment import moment
from sidekick.settings import Configuration, ConfigurationError, OutputConfiguration, load


def configuration(path: Path | None) -> Configuration:
    """The configuration of that file; exits 2 with every error of it on stderr."""
    try:
        return load(path, os.environ)
    except ConfigurationError as error:
        click.echo(error, err=True)
        sys.exit(2)


class Moment(click.ParamType[datetime]):
    """A point in time: `2h` ago, or an ISO 8601 date or time (UTC unless it says otherwise)."""

    name = "moment"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        if isinstance(value, datetime):
            return value
        try:
            return moment(value)
        except ValueError as error:
            self.fail(f"{value!r} is no point in time: {error}", param, ctx)


class Condition(click.ParamType[Filter]):
    """A condition in Falco's syntax."""

    name = "condition"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Filter:
        try:
            return compile_filter(value)
        except FilterError as error:
            self.fail(str(error), param, ctx)


def output_named(configuration: Configuration, name: str) -> OutputConfiguration:
    """The output of that name, which must be on; a usage error (exit code 2) otherwise."""
    chosen = configuration.outputs.get(name)
    if chosen is None:
        on = ", ".join(configuration.outputs) or "none"
        raise click.UsageError(f"the output {name!r} is not on; on are: {on}")
    return chosen
