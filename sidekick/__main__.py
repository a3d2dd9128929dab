"""The command line: `sidekick -c FILE` runs the service, as falcosidekick does; subcommands do everything else."""

import importlib
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

import click

from sidekick.commands.config_file import config_file

_COMMANDS = {
    "run": "run",
    "check": "check",
    "outputs": "outputs",
    "test-event": "test_event",
    "dead-letters": "dead_letters",
    "replay": "replay",
    "events": "events",
    "journal": "journal",
    "password": "password",
    "schema": "schema",
}


class LazyGroup(click.Group):
    """Imports a subcommand's module only when it is asked for, so that `check` never pays for a server."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except BrokenPipeError:  # who reads has seen enough: click ends quietly
            raise
        except OSError as error:  # a folder that is a file, a full disk: it names the file, and no traceback helps
            raise click.ClickException(str(error)) from error

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        module = _COMMANDS.get(cmd_name)
        return importlib.import_module(f"sidekick.commands.{module}").command if module else None


@click.group(cls=LazyGroup, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@config_file
@click.version_option(
    version("sidekick"), "-v", "--version", message=f"%(prog)s %(version)s, Python {platform.python_version()}"
)
@click.pass_context
def main(ctx: click.Context, config_file: Path | None) -> None:
    """Takes Falco's alerts by HTTP, keeps them, and delivers each to every configured output.

    Without a command it runs the service: `sidekick -c config.yaml`. Exit codes: 0 done, 1 failed at run time,
    2 the configuration or the command line is wrong.
    """
    ctx.obj = config_file
    if ctx.invoked_subcommand is None:
        ctx.invoke(importlib.import_module("sidekick.commands.run").command, config_file=config_file)


if __name__ == "__main__":
    main(prog_name="sidekick")
