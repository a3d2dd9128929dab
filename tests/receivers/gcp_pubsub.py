"""Google Cloud on loopback; a publish is answered with an id for each message."""

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest

from sidekick.sdk.http import Answer, Request
from sidekick.sdk.testing import Receiver
from tests.services.google import google


@asynccontextmanager
async def running(request: pytest.FixtureRequest) -> AsyncGenerator[Receiver]:
    async with google() as service:
        yield service.receiver()


def accept(request: Request) -> Answer:
    ids = [str(number) for number, _ in enumerate(json.loads(request.body)["messages"])]
    return Answer(200, {}, json.dumps({"messageIds": ids}).encode())
