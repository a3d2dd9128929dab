"""The API does what its OpenAPI document says, whatever it is asked: no 5xx, no answer that the document lacks."""

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest
from schemathesis import openapi
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import Status, from_schema
from schemathesis.engine.events import NonFatalError, ScenarioFinished

from tests.api.door import ADMIN_TOKEN, EVERYWHERE, TOKENS, door
from tests.web.alerts import HOSTILE_RULE, RIGHT_TO_LEFT, alert

pytestmark = pytest.mark.slow
LONGEST = 60_000
"""Characters of a query; an address of more than 64 kB is refused by the server, before it comes to the application."""
HEADERS = {"Authorization": f"Bearer {ADMIN_TOKEN}"}
CONFIGURATION = {
    "seed": 1,
    "headers": HEADERS,
    "generation": {"max-examples": 15, "deterministic": True, "no-shrink": True},
    "checks": {
        # A text that is no filter, time or address is a text to JSON Schema, so it may be refused.
        "positive_data_acceptance": {"enabled": False},
        # Starlette names the methods of the first route alone where a path has several.
        "allow_header_conformance": {"enabled": False},
    },
    "phases": {"stateful": {"enabled": False}},
    # What never ends has tests of its own.
    "operations": [{"include-path": "/api/events/live", "enabled": False}],
}


async def test_the_document_holds(tmp_path: Path) -> None:
    async with door(tmp_path, TOKENS, address=EVERYWHERE, blocker=True) as opened:
        event = alert(time.time(), rule=HOSTILE_RULE, hostname="<b>node</b>")
        await opened.site.add(event)
        await opened.site.letters.boxes["slack"].add(event, RIGHT_TO_LEFT)
        opened.site.refused.add("json", b"\xff", "198.51.100.1")
        found = await asyncio.to_thread(lambda: list(_ask(opened.site.url)))
    wrong = [line for line in found if line]
    assert len(found) > 700
    assert wrong == []


def _ask(url: str) -> Iterator[str]:
    """Something for each request: what is wrong with its answer, or nothing."""
    configuration = SchemathesisConfig.from_dict(CONFIGURATION)
    document = openapi.from_url(f"{url}/api/openapi.json", config=configuration, headers=HEADERS)
    for event in from_schema(document).execute():
        if isinstance(event, NonFatalError):
            yield str(event.value)
        if isinstance(event, ScenarioFinished):
            for id, checks in event.recorder.checks.items():
                case = event.recorder.cases[id].value
                if len(urlencode(case.query or {}, doseq=True)) > LONGEST:
                    continue
                failures = [check.failure_info.failure for check in checks if check.status is not Status.SUCCESS]
                asked = f"{case.method} {case.formatted_path} {case.query!r:.100} {case.body!r:.100}"
                yield "\n".join(f"{asked}: {failure.title}: {failure.message:.200}" for failure in failures)
