"""What the commands share: exit codes, option types, and how an answer or an error is shown."""

import asyncio
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NoReturn

import click
import msgspec

from bpf import duration
from bpf.client import Client, DaemonError, RefusedError
from bpf.place import Place
from bpf.protocol import Answer, Request

REFUSED, NO_DAEMON, NOT_ATTACHED = 1, 3, 4  # click itself ends with 2 for a wrong command line


@dataclass(frozen=True)
class Session:
    """One run of the command."""

    place: Place
    json: bool

    def ask(self, request: Request) -> Answer:
        return asyncio.run(self._ask(request))

    async def _ask(self, request: Request) -> Answer:
        client = Client(self.place.socket)
        try:
            return await client.ask(request)
        except DaemonError as error:
            fail(str(error), NO_DAEMON)
        except RefusedError as error:
            fail(str(error), NOT_ATTACHED if error.code == "not_attached" else REFUSED)
        finally:
            await client.close()

    def show(self, value: Any, table: Callable[[], None]) -> None:
        if self.json:
            click.echo(msgspec.json.encode(value).decode())
        else:
            table()


def seconds(text: str) -> float:
    """An option's type: a duration."""
    try:
        return duration.parse(text)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


def fail(message: str, code: int) -> NoReturn:
    click.echo(f"sidekick-xdp: {message}", err=True)
    sys.exit(code)
