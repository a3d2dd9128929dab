"""A real PostgreSQL with a table for each test, and a port where nobody listens."""

import uuid
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest

from sidekick.sdk import Event
from sidekick.sdk.testing import Receiver
from tests.services.postgresql import PostgreSQL

SERVICE = True
COLUMNS = "time timestamptz, rule text, priority text, source text, output text, tags text, hostname text"


@asynccontextmanager
async def running(request: pytest.FixtureRequest) -> AsyncGenerator[Receiver]:
    server: PostgreSQL = request.getfixturevalue("postgresql")
    table = f"test_{uuid.uuid4().hex}"
    await server.run(f"CREATE TABLE {table} ({COLUMNS}, uuid uuid)")

    async def arrived(event: Event) -> bool:
        rows = await server.run(f"SELECT output FROM {table} WHERE uuid = $1", event.uuid)
        return [row["output"] for row in rows] == [event.output]

    settings = {**server.settings, "hypertablename": table}
    yield Receiver(settings, arrived, nowhere={"port": "1"})
