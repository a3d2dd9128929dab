"""The option that all commands have. It stands apart from the settings, so that a process of the store, which begins by
importing the command line, need not load them.
"""

from pathlib import Path

import click


def _before_the_command(ctx: click.Context, param: click.Parameter, path: Path | None) -> Path | None:
    """What `sidekick -c FILE COMMAND` says, where it is not said after the command."""
    return path or ctx.obj


config_file = click.option(
    "-c",
    "--config-file",
    type=click.Path(path_type=Path),
    callback=_before_the_command,
    help="Configuration file in YAML; without it only the environment counts.",
)
