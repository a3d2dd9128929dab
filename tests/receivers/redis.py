"""A real Redis: a list of its own, and a port where nobody listens."""

import uuid
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest
from redis.asyncio import Redis as Client

from sidekick.sdk import Event
from sidekick.sdk.testing import Receiver
from tests.services.redis import Redis

SERVICE = True


@asynccontextmanager
async def running(request: pytest.FixtureRequest) -> AsyncGenerator[Receiver]:
    server: Redis = request.getfixturevalue("redis")
    key = f"test-{uuid.uuid4()}"
    async with Client.from_url(server.url) as client:

        async def arrived(event: Event) -> bool:
            return (await client.lrange(key, 0, -1)).count(event.json) == 1

        settings = {"address": server.address, "storagetype": "list", "key": key}
        yield Receiver(settings, arrived, nowhere={"address": "127.0.0.1:1"})
