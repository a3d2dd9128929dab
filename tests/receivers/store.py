"""A folder that can be written, and a path below a file, which cannot."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from sidekick.sdk import Event
from sidekick.sdk.testing import Receiver
from sidekick.store import Reader


@asynccontextmanager
async def running(request: pytest.FixtureRequest) -> AsyncGenerator[Receiver]:
    folder: Path = request.getfixturevalue("tmp_path")
    path, no_folder = folder / "deep" / "events.sqlite", folder / "file"
    no_folder.write_text("")
    reader = Reader(path, limit=30)

    async def arrived(event: Event) -> bool:
        stored = await reader.one(event.uuid)
        return stored is not None and stored.alert == event.json

    try:
        yield Receiver({"path": str(path)}, arrived, nowhere={"path": str(no_folder / "events.sqlite")})
    finally:
        await reader.close()
