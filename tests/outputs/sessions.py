"""falcosidekick's recorded messages of outputs that are not HTTP, and what a message of ours is compared by."""

import json
import re
from typing import Any

from sidekick.event import Event
from tests.outputs.alerts import DATA, recorded

_ID = re.compile(r'"uuid":"[0-9a-f-]{36}"')
_TIME = re.compile(r'"time":"[^"]*"')
_ESCAPED = {"\\u003c": "<", "\\u003e": ">", "\\u0026": "&"}


def session(output: str) -> dict[str, Any]:
    return json.loads((DATA / f"captures/sessions/{output}.json").read_text())


def name_of(capture: Any) -> str:
    """For pytest's ids."""
    return f"{capture['variant']}-{capture['input'][7]}-{capture.get('op', '')}".strip("-")


def event_of(capture: dict[str, Any]) -> Event:
    name = capture["input"]
    return Event.test() if "test_endpoint" in name else recorded(name)


def alert_text(text: str) -> str:
    """An alert's JSON as it is compared, byte by byte: all but its id, the time of a test, and escapes for HTML."""
    for escaped, plain in _ESCAPED.items():
        text = text.replace(escaped, plain)
    text = _ID.sub('"uuid":""', text)
    return _TIME.sub('"time":""', text) if f'"rule":"{Event.TEST_RULE}"' in text else text
