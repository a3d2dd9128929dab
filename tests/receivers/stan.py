"""A real NATS Streaming server, a channel for each test, and a port where nobody listens."""

import uuid
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest

from sidekick.sdk import Event
from sidekick.sdk.testing import Receiver
from tests.services.stan import stored
from tests.services.streaming import CLUSTER, Streaming

SERVICE = True


@asynccontextmanager
async def running(request: pytest.FixtureRequest) -> AsyncGenerator[Receiver]:
    server: Streaming = request.getfixturevalue("streaming")
    name = f"test-{uuid.uuid4()}"

    async def arrived(event: Event) -> bool:
        return (await stored(server, name)).count(event.json) == 1

    settings = {"hostport": server.url, "clusterid": CLUSTER, "clientid": name, "subjecttemplate": name}
    yield Receiver(settings, arrived, nowhere={"hostport": "nats://127.0.0.1:1"})
