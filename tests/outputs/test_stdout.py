"""The standard output: a reader that stops holds up nothing else, and never gets half a line in the middle."""

import asyncio
import os
import select
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from outputs.stdout import Stdout, StdoutSettings
from sidekick.sdk import Context, RetryableError
from tests.outputs.alerts import alert


@contextmanager
def piped() -> Iterator[int]:
    """The reading end of a pipe in the place of standard output. No fixture, since pytest sets its own afterwards."""
    kept = os.dup(1)
    read, write = os.pipe()
    os.dup2(write, 1)
    os.close(write)
    try:
        yield read
    finally:
        os.dup2(kept, 1)
        os.close(kept)
        with suppress(OSError):
            os.close(read)


def output() -> Stdout:
    return Stdout(StdoutSettings(enabled=True), Context())


async def test_a_reader_that_stops_is_waited_for_without_holding_up_the_rest() -> None:
    events = [alert(output="x" * 5000) for _ in range(60)]  # more than a pipe holds
    expected = b"".join(event.json + b"\n" for event in events)
    received = b""
    with piped() as reader:
        sending = asyncio.create_task(output().send(events))
        while len(received) < len(expected):
            await asyncio.sleep(0)  # the loop turns, whether the pipe is full or not
            if select.select([reader], [], [], 0)[0]:
                received += os.read(reader, 1000)
        await sending
    assert received == expected


async def test_after_a_try_that_was_given_up_the_next_line_is_whole() -> None:
    stdout, event = output(), alert()
    with piped() as reader:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await stdout.send([alert(output="x" * 200_000)])
        received = os.read(reader, 1 << 20)
        await stdout.send([event])
        received += os.read(reader, 1 << 20)
    assert received.splitlines()[-1] == event.json


async def test_a_reader_that_has_gone_is_tried_again() -> None:
    with piped() as reader:
        os.close(reader)
        with pytest.raises(RetryableError, match="Broken pipe"):
            await output().send([alert()])
