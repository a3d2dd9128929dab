"""A daemon that only tries, so that the suite's alerts, which are old and of one source, leave a trace and no harm."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest

from bpf.client import Client
from bpf.protocol import Decisions
from sidekick.event import Event
from sidekick.sdk.testing import Receiver
from tests.bpf.host import Host


@asynccontextmanager
async def running(request: pytest.FixtureRequest) -> AsyncGenerator[Receiver]:
    home = request.getfixturevalue("tmp_path")
    host = Host(None, home / "none", home)
    settings = {"direction": "any", "fields": "fd.sip", "protocols": "any", "maximumage": "0"}
    client = Client(host.socket)

    async def arrived(event: Event) -> bool:
        answer = await client.ask(Decisions())
        return any(decision.alert == event.uuid for decision in answer.decisions)

    with host.serving("--dry-run", "--include", "203.0.113.0/24", "--rate", "1000000"):
        try:
            nowhere = {"socket": str(home / "nowhere")}
            yield Receiver({"socket": str(host.socket), **settings}, arrived, nowhere)
        finally:
            await client.close()
