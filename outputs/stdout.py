"""Standard output: one JSON document a line."""

import asyncio
import os
from collections.abc import Sequence
from select import PIPE_BUF

from sidekick.sdk import BatchLimits, Context, Event, Flag, Output, OutputSettings, RetryableError
from sidekick.sdk.body import json_lines

_STDOUT = 1


class StdoutSettings(OutputSettings):
    """Keys of `stdout`."""

    enabled: Flag = False
    """Write alerts to standard output."""


class Stdout(Output[StdoutSettings]):
    Settings = StdoutSettings
    title = "Standard output"
    category = "logs"
    arrives = "A line: the alert's JSON."
    requires = ("enabled",)
    example = {"enabled": True}
    limits = BatchLimits(count=100)

    def __init__(self, settings: StdoutSettings, context: Context) -> None:
        super().__init__(settings, context)
        self._torn = False

    async def send(self, events: Sequence[Event]) -> None:
        lines = json_lines(events)
        # Whoever reads may have stopped: a try that was given up in the middle of a line must not spoil the next one.
        rest = memoryview(b"\n" + lines if self._torn else lines)
        self._torn = True
        try:
            while rest:
                await _writable()
                # POSIX: a pipe that is ready takes this much at once. It stays a blocking one, for others write to it.
                rest = rest[os.write(_STDOUT, rest[:PIPE_BUF]) :]
        except OSError as error:
            raise RetryableError(f"standard output: {error.strerror}") from None
        self._torn = False


async def _writable() -> None:
    loop = asyncio.get_running_loop()
    ready = loop.create_future()
    try:
        loop.add_writer(_STDOUT, _set, ready)
    except PermissionError:
        return  # a file, which is always ready
    try:
        await ready
    finally:
        loop.remove_writer(_STDOUT)


def _set(ready: asyncio.Future[None]) -> None:
    if not ready.done():
        ready.set_result(None)
