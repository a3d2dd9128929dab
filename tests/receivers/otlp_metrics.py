"""A server that takes all: whether a counter has counted is for tests/outputs/test_otlp.py to say."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest

from sidekick.sdk import Event
from sidekick.sdk.testing import Receiver, loopback


@asynccontextmanager
async def running(request: pytest.FixtureRequest) -> AsyncGenerator[Receiver]:
    async def arrived(event: Event) -> bool:
        return True

    async with loopback() as server:
        yield Receiver({"endpoint": f"{server.url}/v1/metrics"}, arrived, {"endpoint": "http://127.0.0.1:9/v1/metrics"})
