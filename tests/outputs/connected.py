"""An output as the engine holds it: connected, and closed whatever comes."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from sidekick.sdk import Output

Connected = TypeVar("Connected", bound=Output[Any])


@asynccontextmanager
async def connected(output: Connected) -> AsyncGenerator[Connected]:
    try:
        await output.connect()
        yield output
    finally:
        await output.close()
