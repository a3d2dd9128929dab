"""A log group of moto; the stream is the output's to make."""

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
    group = await asyncio.to_thread(moto.log_group)

    async def arrived(event: Event) -> bool:
        found = await asyncio.to_thread(moto.log_events, group, "falcosidekick-logstream")
        return [one["message"] for one in found].count(event.json.decode()) == 1

    yield Receiver(moto.settings | {"loggroup": group}, arrived, nowhere={"endpoint": "http://127.0.0.1:1"})
