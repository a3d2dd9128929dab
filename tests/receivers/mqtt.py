"""A real Mosquitto, a subscriber that it keeps messages for, and a port where nobody listens."""

import asyncio
import uuid
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest

from sidekick.sdk import Event
from sidekick.sdk.testing import Receiver
from tests.services.mosquitto import Mosquitto, Subscriber

SERVICE = True


@asynccontextmanager
async def running(request: pytest.FixtureRequest) -> AsyncGenerator[Receiver]:
    server: Mosquitto = request.getfixturevalue("mosquitto")
    topic = f"test/{uuid.uuid4()}"
    subscriber = await asyncio.to_thread(Subscriber, server, topic)

    async def arrived(event: Event) -> bool:
        await asyncio.to_thread(subscriber.fetch)
        return subscriber.messages.count(event.json) == 1

    settings = {"broker": server.url, "topic": topic, "qos": 1}
    yield Receiver(settings, arrived, nowhere={"broker": "tcp://127.0.0.1:1"})
