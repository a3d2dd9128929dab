"""Options and answers that several commands share."""

import os
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click

from sidekick.filter import Filter, FilterError, compile_filter
from sidekick.sdk.settings import seconds
from sidekick.settings import Configuration, ConfigurationError, OutputConfiguration, load

config_file = click.option(
    "-c",
    "--config-file",
    type=click.Path(path_type=Path),
    default=None,
    help="Configuration file in YAML; without it only the environment counts.",
)


def configuration(ctx: click.Context, path: Path | None) -> Configuration:
    """The configuration that `-c` names before or after the command; exits 2 with every error of it on stderr."""
    try:
        return load(path or ctx.obj, os.environ)
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
            return datetime.now(UTC) - timedelta(seconds=seconds(value))
        except ValueError:
            pass
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is neither a duration such as 2h nor a time such as 2026-05-06T07:08", param, ctx)
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


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
        raise click.BadParameter(f"{name!r} is not on; on are: {on}", param_hint="--output")
    return chosen
