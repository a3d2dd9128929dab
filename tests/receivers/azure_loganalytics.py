"""Azure on loopback."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest

from sidekick.sdk.testing import Receiver
from tests.services.azure import azure


@asynccontextmanager
async def running(request: pytest.FixtureRequest) -> AsyncGenerator[Receiver]:
    async with azure() as service:
        yield service.receiver("endpoint")
