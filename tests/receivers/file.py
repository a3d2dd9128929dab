"""A folder that can be written, and a path below a file, which cannot."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from sidekick.sdk import Event
from sidekick.sdk.testing import Receiver


@asynccontextmanager
async def running(request: pytest.FixtureRequest) -> AsyncGenerator[Receiver]:
    folder: Path = request.getfixturevalue("tmp_path")
    path, no_folder = folder / "deep" / "events.jsonl", folder / "file"
    no_folder.write_text("")

    async def arrived(event: Event) -> bool:
        return path.read_bytes().splitlines().count(event.json) == 1

    yield Receiver({"path": str(path)}, arrived, nowhere={"path": str(no_folder / "events.jsonl")})
