"""A topic of moto, with a queue that gets what it is told."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from urllib.parse import parse_qsl

import pytest

from sidekick.sdk import Answer, Event, Request
from sidekick.sdk.testing import Receiver
from tests.services.moto import Moto


def accept(request: Request) -> Answer:
    """A topic that takes all."""
    ids = [value for name, value in parse_qsl(request.body.decode()) if name.endswith(".Id")]
    members = "".join(f"<member><Id>{name}</Id></member>" for name in ids)
    result = f"<PublishBatchResult><Failed/><Successful>{members}</Successful></PublishBatchResult>"
    document = f'<PublishBatchResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/">{result}</PublishBatchResponse>'
    return Answer(200, {"content-type": "text/xml"}, document.encode())


@asynccontextmanager
async def running(request: pytest.FixtureRequest) -> AsyncGenerator[Receiver]:
    moto: Moto = request.getfixturevalue("moto")
    topic, queue = await asyncio.to_thread(moto.topic)
    held: list[str] = []

    async def arrived(event: Event) -> bool:
        held.extend([message["Message"] for message in await asyncio.to_thread(moto.notifications, queue)])
        return held.count(event.output) == 1

    yield Receiver(moto.settings | {"topicarn": topic}, arrived, nowhere={"endpoint": "http://127.0.0.1:1"})
