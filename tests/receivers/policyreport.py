"""A cluster's API server on loopback."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from sidekick.sdk.testing import Receiver
from tests.services.cluster import cluster


@asynccontextmanager
async def running(request: pytest.FixtureRequest) -> AsyncGenerator[Receiver]:
    folder: Path = request.getfixturevalue("tmp_path")
    async with cluster() as service:
        yield service.receiver(folder)
