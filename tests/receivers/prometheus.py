"""The registry is in the process: an alert has arrived when a series has its labels."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest

from sidekick.sdk import Event
from sidekick.sdk.testing import Receiver


@asynccontextmanager
async def running(request: pytest.FixtureRequest) -> AsyncGenerator[Receiver]:
    async def arrived(event: Event) -> bool:
        return True  # a counter does not tell one alert from another: tests/outputs/test_prometheus.py counts them

    yield Receiver({"falcoexporter": True, "extralabels": "proc.name,proc.aname[2]"}, arrived)
