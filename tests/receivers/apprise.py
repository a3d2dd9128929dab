"""The service json:// of Apprise, which posts a message to any HTTP server, and a port where none listens."""

import json
import warnings
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import apprise
import pytest

from sidekick.sdk import Event
from sidekick.sdk.testing import Receiver, loopback

with warnings.catch_warnings():
    # One of Apprise's plug-ins imports a module that Python 3.13 lacks; it does without one there.
    warnings.simplefilter("ignore", DeprecationWarning)
    assert apprise.Apprise().add("json://127.0.0.1")


@asynccontextmanager
async def running(request: pytest.FixtureRequest) -> AsyncGenerator[Receiver]:
    async with loopback() as server:

        async def arrived(event: Event) -> bool:
            messages = [json.loads(request.body)["message"] for request, _ in server.requests]
            return sum(event.output in message.splitlines() for message in messages) == 1

        url = server.url.replace("http://", "json://")
        yield Receiver({"url": f"{url}/token"}, arrived, nowhere={"url": "json://127.0.0.1:1"})
