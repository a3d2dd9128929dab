"""A queue of moto."""

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
    """A queue that takes all."""
    entries: list[dict[str, Any]] = json.loads(request.body)["Entries"]
    return Answer(200, {}, json.dumps({"Successful": [{"Id": entry["Id"]} for entry in entries]}).encode())


@asynccontextmanager
async def running(request: pytest.FixtureRequest) -> AsyncGenerator[Receiver]:
    moto: Moto = request.getfixturevalue("moto")
    url = await asyncio.to_thread(moto.queue)
    held: list[str] = []

    async def arrived(event: Event) -> bool:
        held.extend([message["Body"] for message in await asyncio.to_thread(moto.messages, url)])
        return held.count(event.json.decode()) == 1

    yield Receiver(moto.settings | {"url": url}, arrived, nowhere={"endpoint": "http://127.0.0.1:1"})
