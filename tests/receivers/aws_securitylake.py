"""A bucket of moto, whose objects are read by another library than ours writes them with."""

import asyncio
import io
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pyarrow.parquet
import pytest

from sidekick.sdk import Event
from sidekick.sdk.testing import Receiver
from tests.services.moto import Moto


def rows(body: bytes) -> list[dict[str, Any]]:
    return pyarrow.parquet.read_table(io.BytesIO(body)).to_pylist()


@asynccontextmanager
async def running(request: pytest.FixtureRequest) -> AsyncGenerator[Receiver]:
    moto: Moto = request.getfixturevalue("moto")
    bucket = await asyncio.to_thread(moto.bucket)

    async def arrived(event: Event) -> bool:
        objects = await asyncio.to_thread(moto.objects, bucket)
        findings = [row for body in objects.values() for row in rows(body)]
        return [row["raw_data"].encode() for row in findings].count(event.json) == 1

    yield Receiver(moto.settings | {"bucket": bucket}, arrived, nowhere={"endpoint": "http://127.0.0.1:1"})
