"""Brokers and databases that are there and read nothing more: they are let go of in time, and no connection is left."""

import asyncio
import importlib
import os
import socket
import stat
from contextlib import suppress

import pytest

from sidekick.sdk import Context, RetryableError
from sidekick.sdk.stream import Stream
from sidekick.settings.catalog import output_types
from tests.deadline import until
from tests.outputs.alerts import alert
from tests.services.server import Server

PLACES = [("redis", "redis"), ("nats", "nats"), ("stan", "streaming"), ("mqtt", "mosquitto"), ("rabbitmq", "rabbitmq")]


def connections(port: int) -> int:
    """How many of this process lead to that port."""
    found = 0
    for descriptor in map(int, os.listdir("/proc/self/fd")):
        with suppress(OSError):  # the folder's own, and sockets that lead nowhere
            if stat.S_ISSOCK(os.fstat(descriptor).st_mode):
                with socket.socket(fileno=os.dup(descriptor)) as one:
                    found += one.getpeername()[1:2] == (port,)
    return found


@pytest.mark.parametrize(("name", "service"), PLACES)
async def test_one_that_reads_nothing_more_is_let_go_of(
    name: str, service: str, request: pytest.FixtureRequest
) -> None:
    server: Server = request.getfixturevalue(service)
    kind = output_types()[name].output
    assert kind
    async with importlib.import_module(f"tests.receivers.{name}").running(request) as receiver:
        settings = kind.Settings.model_validate({**kind.example, **receiver.settings, "timeout": "2s"})
        output = kind(settings, Context())
        await output.send([alert()])
        server.pause()
        try:
            with pytest.raises((RetryableError, TimeoutError)):
                # More than the buffers of both kernels hold.
                await asyncio.wait_for(output.send([alert(output="x" * 900_000) for _ in range(20)]), 3)
            await asyncio.wait_for(output.close(), 5)
            await until(lambda: connections(server.port) == 0, within=10)
        finally:
            server.resume()


async def test_a_goodbye_that_is_given_up_leaves_no_connection() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:  # it is connected to, and reads nothing
        host, port = server.getsockname()
        stream = await Stream.open(host, port)
        sending = asyncio.create_task(stream.send(b"x" * (16 << 20)))
        await asyncio.sleep(0)
        parting = asyncio.create_task(stream.close())
        await asyncio.sleep(0)
        assert connections(port)
        for task in (parting, sending):
            task.cancel()
        await asyncio.wait([parting, sending])
        await until(lambda: not connections(port))
