"""Every request that was recorded on falcosidekick gets the same status, body and forwarded alert here.

`DIFFERENT` lists where it does not, on purpose; each line stands in `docs/differences.md` too.
"""

import base64
import json
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest

from sidekick.event import Event
from tests.receiver.client import connected, request
from tests.receiver.conftest import Running

_RECORDED = json.loads((Path(__file__).parents[1] / "data" / "captures" / "receiver.json").read_bytes())["requests"]
RECORDED = {recorded["name"]: recorded for recorded in _RECORDED}


class Different(NamedTuple):
    status: int
    forwarded: int
    why: str


TAKEN_WITHOUT_FIELDS = Different(200, 1, "Falco can be told to leave output_fields out; such an alert is an alert")
DIFFERENT = {
    "two_objects_concatenated": Different(200, 2, "every alert of a body is taken, not the first alone"),
    "trailing_garbage": Different(400, 0, "nothing of a body is dropped without a word"),
    "missing_output_fields": TAKEN_WITHOUT_FIELDS,
    "output_fields_null": TAKEN_WITHOUT_FIELDS,
    "output_fields_empty": TAKEN_WITHOUT_FIELDS,
    "k8s_ns_name_not_string": Different(200, 1, "any JSON value may stand in a field"),
    "k8s_pod_name_bool": Different(200, 1, "any JSON value may stand in a field"),
    "gzip_body": Different(200, 1, "forwarders such as Vector send gzip"),
    "double_slash_path": Different(200, 1, "Falco follows no redirect: the alert would be lost"),
    "huge_body_20mb": Different(413, 0, "a body is bounded, by receiver.bodylimit"),
}
NOT_COMPARED = {
    "metrics": "text of this process; tests/test_metrics.py compares names and labels",
    "long_values_over_4096_total": "values over 512 bytes stay whole, so the forwarded alert is longer",
    "huge_body_1mb": "the same, and the recording does not hold the body",
}


def recorded_body(recorded: dict[str, Any]) -> bytes:
    wanted = recorded["request"]
    if size := {"huge_body_1mb": 1, "huge_body_20mb": 20}.get(recorded["name"]):
        return RECORDED["valid"]["request"]["body"].replace('"web"', '"' + "x" * (size << 20) + '"').encode()
    body = wanted.get("body") or ""
    return base64.b64decode(body) if wanted.get("body_encoding") == "base64" else body.encode()


def as_sent(recorded: dict[str, Any]) -> bytes:
    wanted = recorded["request"]
    body = recorded_body(recorded)
    fields = [f"{name}: {value}" for name, value in wanted["headers"].items() if name != "content-length"]
    if wanted["headers"].get("transfer-encoding") == "chunked":
        return request(wanted["method"], wanted["path"], *fields) + b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
    if body or wanted["method"] == "POST":
        fields.append(f"Content-Length: {len(body)}")
    return request(wanted["method"], wanted["path"], *fields) + body


@pytest.mark.parametrize("name", RECORDED)
async def test_a_recorded_request(receiver: Running, name: str) -> None:
    recorded = RECORDED[name]
    expected = recorded["response"]
    different = DIFFERENT.get(name)
    async with connected(receiver.address) as client:
        client.send(as_sent(recorded))
        answer = await client.answer(to_head=recorded["request"]["method"] == "HEAD")
    assert answer.status == (different.status if different else expected["status"])
    assert len(receiver.inbox.events) == (different.forwarded if different else recorded["forwarded"])
    if different or name in NOT_COMPARED or name.startswith("metrics"):
        return
    assert answer.body.decode() == (expected.get("body") or "")
    for header in ("content-type", "x-content-type-options", "location"):
        assert answer.headers.get(header) == expected["headers"].get(header)
    if recorded["forwarded"]:
        [event] = receiver.inbox.events
        assert comparable(event) == comparable(Event.from_json(recorded["forwarded_raw"].encode()))


def comparable(event: Event) -> Event:
    """The alert without what differs each time: its id, and when the test alert was made."""
    time = "" if event.hostname == "falcosidekick" else event.time
    return msgspec.structs.replace(event, uuid="", time=time)
