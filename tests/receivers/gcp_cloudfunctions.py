"""Google Cloud on loopback."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest

from sidekick.sdk.testing import Receiver
from tests.services.google import google


@asynccontextmanager
async def running(request: pytest.FixtureRequest) -> AsyncGenerator[Receiver]:
    async with google() as service:
        yield service.receiver()
