"""rsyslog by TCP, and a port where none listens."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress

import pytest

from sidekick.sdk import Event
from sidekick.sdk.testing import Receiver
from tests.deadline import until
from tests.services.rsyslog import Rsyslog

SERVICE = True


@asynccontextmanager
async def running(request: pytest.FixtureRequest) -> AsyncGenerator[Receiver]:
    server: Rsyslog = request.getfixturevalue("rsyslog")

    async def arrived(event: Event) -> bool:
        with suppress(TimeoutError):
            await until(lambda: _copies(server, event) > 0, within=5)
        return _copies(server, event) == 1

    settings = {"host": "127.0.0.1", "port": server.port, "protocol": "tcp"}
    yield Receiver(settings, arrived, nowhere={"port": 1})


def _copies(server: Rsyslog, event: Event) -> int:
    return sum(event.uuid in line for line in server.lines())
