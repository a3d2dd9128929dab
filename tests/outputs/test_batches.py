"""Many alerts in one request, in the form that each destination reads."""

import gzip
import json
import re
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from outputs.influxdb import Influxdb
from sidekick.event import Event
from sidekick.sdk import Context, HttpOutput, Request
from sidekick.settings.catalog import output_types
from tests.outputs.alerts import alert


def kind_of(name: str) -> type[HttpOutput[Any]]:
    kind = output_types()[name].output
    assert kind is not None
    assert issubclass(kind, HttpOutput)
    return kind


def encoded(name: str, events: list[Event], **settings: Any) -> Request:
    kind = kind_of(name)
    return kind(kind.Settings.model_validate({**kind.example, **settings}), Context()).encode(events)


def ids(found: list[Any]) -> list[str]:
    return [one["uuid"] for one in found]


@pytest.mark.parametrize("name", ["sumologic", "openobserve", "quickwit"])
def test_a_line_is_an_alert(name: str) -> None:
    events = [alert({"number": number}) for number in range(3)]
    lines = encoded(name, events).body.splitlines()
    assert ids([json.loads(line) for line in lines]) == [event.uuid for event in events]


MOST = {
    "aws.cloudwatchlogs": 10_000,
    "aws.kinesis": 500,
    "aws.sns": 10,
    "aws.sqs": 10,
    "datadoglogs": 1000,
    "gcp.pubsub": 1000,
}


@pytest.mark.parametrize("name", MOST)
def test_a_batch_is_of_no_more_alerts_than_the_vendor_takes(name: str) -> None:
    assert kind_of(name).limits.count <= MOST[name]


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("azure.eventhub", 256_000),
        ("azure.loganalytics", 1_000_000),
        ("datadoglogs", 5_000_000),
        ("gcp.chronicle", 1_000_000),
        ("gcp.pubsub", 10_000_000),
        ("quickwit", 10_000_000),
    ],
)
def test_a_full_batch_is_no_longer_than_the_vendor_takes(name: str, size: int) -> None:
    """Of alerts of many fields, whose quotation marks are escaped where JSON stands in JSON."""
    limits = kind_of(name).limits
    event = alert({f"a.field.{number}": f"sh -c 'value {number}'\n" for number in range(200)})
    full = [event] * min(limits.count, limits.bytes // len(event.json))
    assert len(encoded(name, full).body) <= size


@pytest.mark.parametrize(
    ("name", "key"), [("grafanaoncall", "alert_uid"), ("opsgenie", "alias"), ("pagerduty", "dedup_key")]
)
def test_an_alert_that_is_sent_again_is_known_by_its_id(name: str, key: str) -> None:
    event = alert()
    assert json.loads(encoded(name, [event]).body)[key] == event.uuid


@pytest.mark.parametrize("name", ["aws.s3", "gcp.storage", "spyderbat", "wavefront", "yandex.s3"])
def test_a_compressed_batch_is_the_same_at_any_time(name: str) -> None:
    """RFC 1952: no time of its making is in it, so that a resend replaces what is there."""
    body = encoded(name, [alert()]).body
    assert (body[:2], body[4:8]) == (b"\x1f\x8b", bytes(4))


def test_loki_has_a_stream_for_each_set_of_labels() -> None:
    events = [
        alert({"n": "é"}, time="2026-11-24T10:00:00.000000001Z"),
        alert({"n": 2}, rule="another"),
        alert({"n": 3}, time="2026-11-24T10:00:00.000000003Z"),
    ]
    streams = json.loads(encoded("loki", events, format="json").body)["streams"]
    by_rule = {stream["stream"]["rule"]: stream["values"] for stream in streams}
    assert [moment for moment, _ in by_rule["Terminal shell in container"]] == [
        "1795514400000000001",
        "1795514400000000003",
    ]
    assert ids([json.loads(line) for _, line in by_rule["Terminal shell in container"]]) == [
        events[0].uuid,
        events[2].uuid,
    ]
    assert len(streams) == 2


def test_loki_is_given_no_label_that_it_refuses() -> None:
    names = ["my-label", "9lives", "proc.aname[2]", "proc.cmdline"]
    event = alert(dict.fromkeys(names, "x") | {"proc.cmdline": "é" * 3000, "my-label": 'a "b"'})
    (stream,) = json.loads(encoded("loki", [event], extralabels=",".join(names)).body)["streams"]
    labels = stream["stream"]
    assert all(re.fullmatch("[a-zA-Z_][a-zA-Z0-9_]*", name) and len(labels[name].encode()) <= 2048 for name in labels)
    assert {"my_label", "_9lives", "proc_aname2", "proc_cmdline"} <= labels.keys()
    assert (labels["my_label"], labels["proc_cmdline"]) == ("a b", "é" * 1024)


def test_splunk_knows_each_alerts_time() -> None:
    events = [alert(time="2026-11-24T10:00:00.000000001Z"), alert(time="1969-12-31T23:59:59.5Z")]
    entries = [msgspec.json.decode(line, type=dict[str, Any]) for line in encoded("splunk", events).body.splitlines()]
    assert b'"time":1795514400.000000001,' in encoded("splunk", events).body
    assert ids([entry["event"] for entry in entries]) == [event.uuid for event in events]


def test_zincsearch_stores_each_alert_under_its_id() -> None:
    events = [alert(), alert()]
    lines = [json.loads(line) for line in encoded("zincsearch", events).body.splitlines()]
    assert [line["index"]["_id"] for line in lines[::2]] == ids(lines[1::2]) == [event.uuid for event in events]


def test_wavefront_cuts_a_tag_that_would_be_blocked() -> None:
    body = gzip.decompress(encoded("wavefront", [alert({"proc.cmdline": 'a"b\n' + "x" * 500, "blank": " "})]).body)
    (line,) = body.decode().splitlines()
    assert re.search(r'"proc.cmdline"="a\\"b\\nx+"', line)
    assert "blank" not in line
    body = gzip.decompress(encoded("wavefront", [alert({"proc.cwd": "C:\\"})]).body)
    assert b'"proc.cwd"="C:\\ "' in body
    assert max(map(len, re.findall(r'"x+', line)), default=0) <= 254


def test_spyderbat_takes_an_alert_of_no_process() -> None:
    body = gzip.decompress(encoded("spyderbat", [alert({}), alert({"proc.pid": 7})]).body)
    first, second = (json.loads(line) for line in body.splitlines())
    assert "pid" not in first
    assert second["pid"] == 7


_TEXT = st.text(st.characters(blacklist_categories=("Cs",)), min_size=1, max_size=20)


@example(fields={"a b": "1", "a_b": "2", "time": "3", "": "4", "rule": "5"}, output='"\\', rule="=,\\")
@given(fields=st.dictionaries(_TEXT, _TEXT, max_size=4), output=st.text(max_size=30), rule=_TEXT)
def test_influxdb_reads_what_was_written(fields: dict[str, str], output: str, rule: str) -> None:
    """Any alert is one point: tags without spaces, the output text whole, and the alert's own time."""
    event = alert(fields, output=output, rule=rule)
    tags, value, moment = _read_point(encoded("influxdb", [event]).body.decode())
    assert len(tags) == len(dict(tags))
    assert dict(tags)["priority"] == "Notice"
    assert value == output
    assert moment == str(event.timestamp_ns)


def test_influxdb_has_a_line_for_each_alert_and_no_password_in_its_address() -> None:
    settings = {"organization": "", "token": "", "user": "me", "password": "hidden", "precision": "ms"}
    request = encoded("influxdb", [alert(), alert()], **settings)
    assert "hidden" not in request.url
    assert request.url.endswith("/write?db=falco&precision=ms")
    assert [line.rsplit(" ", 1)[1] for line in request.body.decode().split("\n")] == ["1795515605408"] * 2


def test_influxdb_is_idempotent_by_tags_and_time() -> None:
    assert Influxdb.idempotent
    event = alert()
    assert encoded("influxdb", [event]).body == encoded("influxdb", [Event.from_json(event.json)]).body


def _read_point(line: str) -> tuple[list[tuple[str, str]], str, str]:
    """The line protocol as the server reads it: a backslash escapes only a comma, an equals sign, a space, a quote."""
    head, position = _until(line, 0, " ")
    tags = [_pair(part) for part in _split(head, ",")[1:]]
    match = re.fullmatch(r'value="((?:[^"\\]|\\.)*)" (-?\d+)', line[position + 1 :], re.DOTALL)
    assert match, line
    return tags, re.sub(r'\\(["\\])', r"\1", match[1]), match[2]


def _until(text: str, start: int, stop: str) -> tuple[str, int]:
    position = start
    while position < len(text) and text[position] != stop:
        position += 2 if text[position] == "\\" and text[position + 1 : position + 2] in tuple(",= ") else 1
    return text[start:position], position


def _split(text: str, stop: str) -> list[str]:
    parts: list[str] = []
    position = -1
    while position < len(text):
        part, position = _until(text, position + 1, stop)
        parts.append(part)
    return parts


def _pair(tag: str) -> tuple[str, str]:
    parts = _split(tag, "=")
    assert len(parts) == 2, tag
    assert all(parts), tag
    return parts[0], parts[1]
