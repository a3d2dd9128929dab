"""A real NATS with a stream for the alerts of one test, and a port where nobody listens."""

import uuid
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest

from sidekick.sdk import Event
from sidekick.sdk.testing import Receiver
from tests.services.nats import Nats, stream

SERVICE = True


@asynccontextmanager
async def running(request: pytest.FixtureRequest) -> AsyncGenerator[Receiver]:
    server: Nats = request.getfixturevalue("nats")
    name = f"test-{uuid.uuid4()}"
    async with stream(server, name) as stored:

        async def arrived(event: Event) -> bool:
            return [message.data for message in await stored()].count(event.json) == 1

        settings = {"hostport": server.url, "subjecttemplate": f"{name}.<priority>.<rule>"}
        yield Receiver(settings, arrived, nowhere={"hostport": "nats://127.0.0.1:1"})
