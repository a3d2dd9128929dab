"""This process's own standard output, as pytest captures it."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest

from sidekick.sdk import Event
from sidekick.sdk.testing import Receiver


@asynccontextmanager
async def running(request: pytest.FixtureRequest) -> AsyncGenerator[Receiver]:
    captured: pytest.CaptureFixture[bytes] = request.getfixturevalue("capfdbinary")
    lines: list[bytes] = []

    async def arrived(event: Event) -> bool:
        lines.extend(captured.readouterr().out.splitlines())
        return lines.count(event.json) == 1

    yield Receiver({}, arrived)
