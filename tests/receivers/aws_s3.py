"""A bucket of moto."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest

from sidekick.sdk import Event
from sidekick.sdk.testing import Receiver
from tests.services.moto import Moto


@asynccontextmanager
async def running(request: pytest.FixtureRequest) -> AsyncGenerator[Receiver]:
    moto: Moto = request.getfixturevalue("moto")
    bucket = await asyncio.to_thread(moto.bucket)

    async def arrived(event: Event) -> bool:
        objects = await asyncio.to_thread(moto.objects, bucket)
        return sum(body.splitlines().count(event.json) for body in objects.values()) == 1

    yield Receiver(moto.settings | {"bucket": bucket}, arrived, nowhere={"endpoint": "http://127.0.0.1:1"})
