"""A stream of moto."""

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from sidekick.sdk import Answer, Event, Request
from sidekick.sdk.testing import Receiver
from tests.services.moto import Moto


def accept(request: Request) -> Answer:
    """A stream that takes all."""
    records: list[dict[str, Any]] = json.loads(request.body)["Records"]
    return Answer(200, {}, json.dumps({"Records": [{"SequenceNumber": "1", "ShardId": "0"} for _ in records]}).encode())


@asynccontextmanager
async def running(request: pytest.FixtureRequest) -> AsyncGenerator[Receiver]:
    moto: Moto = request.getfixturevalue("moto")
    stream = await asyncio.to_thread(moto.stream)

    async def arrived(event: Event) -> bool:
        records = await asyncio.to_thread(moto.records, stream)
        return [record["Data"] for record in records].count(event.json) == 1

    yield Receiver(moto.settings | {"streamname": stream}, arrived, nowhere={"endpoint": "http://127.0.0.1:1"})
