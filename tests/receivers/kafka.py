"""A real broker, and a port where none listens."""

import asyncio
import uuid
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest

from sidekick.sdk import Event
from sidekick.sdk.testing import Receiver
from tests.services.kafka import Kafka

SERVICE = True


@asynccontextmanager
async def running(request: pytest.FixtureRequest) -> AsyncGenerator[Receiver]:
    broker: Kafka = request.getfixturevalue("kafka")
    topic = f"test-{uuid.uuid4()}"

    async def arrived(event: Event) -> bool:
        messages = await asyncio.to_thread(broker.messages, topic)
        return [message.value() for message in messages].count(event.json) == 1

    settings = {"hostport": broker.address, "topic": topic, "topiccreation": True}
    yield Receiver(settings, arrived, nowhere={"hostport": "127.0.0.1:1"})
