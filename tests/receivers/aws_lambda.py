"""A function of moto."""

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
    function = await asyncio.to_thread(moto.function)

    async def arrived(event: Event) -> bool:
        return (await asyncio.to_thread(moto.payloads, function)).count(event.json) == 1

    yield Receiver(moto.settings | {"functionname": function}, arrived, nowhere={"endpoint": "http://127.0.0.1:1"})
