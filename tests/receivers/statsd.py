"""A UDP socket, which counters come to."""

import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest

from sidekick.sdk import Event
from sidekick.sdk.testing import Receiver


@asynccontextmanager
async def running(request: pytest.FixtureRequest) -> AsyncGenerator[Receiver]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))

        async def arrived(event: Event) -> bool:
            return True  # a counter does not tell one alert from another: tests/outputs/test_statsd.py counts them

        yield Receiver({"forwarder": f"127.0.0.1:{receiver.getsockname()[1]}"}, arrived)
