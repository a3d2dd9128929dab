"""A real RabbitMQ with a durable queue for each test, and a port where nobody listens."""

import uuid
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest

from sidekick.sdk import Event
from sidekick.sdk.testing import Receiver
from tests.services.rabbitmq import RabbitMQ, messages, queue

SERVICE = True


@asynccontextmanager
async def running(request: pytest.FixtureRequest) -> AsyncGenerator[Receiver]:
    server: RabbitMQ = request.getfixturevalue("rabbitmq")
    name = f"test-{uuid.uuid4()}"

    async def arrived(event: Event) -> bool:
        return [message.body for message in await messages(server, name)].count(event.json) == 1

    async with queue(server, name):
        settings = {"url": server.url, "queue": name}
        yield Receiver(settings, arrived, nowhere={"url": "amqp://guest:guest@127.0.0.1:1/"})
