"""Any bytes give alerts or one named error; what an alert says is kept as it was written."""

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sidekick.event import DecodeError, Event, Priority, canonical_time, decode
from tests.fuzz import targets
from tests.recorded import recorded_alerts

VALID: dict[str, Any] = {
    "rule": "r",
    "priority": "Error",
    "time": "2026-05-06T07:08:09.123456789Z",
    "output_fields": {},
}


def body(**changes: Any) -> bytes:
    return json.dumps(VALID | changes).encode()


def one(raw: bytes) -> Event:
    [event] = decode(raw)
    return event


def fields_as_written(literal: str) -> bytes:
    """The fields of an accepted alert whose one field has that JSON value."""
    raw = body(output_fields="HERE").replace(b'"HERE"', b'{"f": %b}' % literal.encode())
    return one(raw).json.partition(b'"output_fields":')[2].partition(b',"source"')[0]


@pytest.mark.parametrize("alert", recorded_alerts(), ids=lambda alert: json.loads(alert)["rule"][:30])
def test_a_recorded_alert_is_kept_whole(alert: bytes) -> None:
    kept = json.loads(one(alert).json, parse_float=str)
    posted = json.loads(alert, parse_float=str)
    assert kept["output_fields"] == posted.get("output_fields", {})
    for key in ("rule", "priority", "output", "hostname"):
        assert kept.get(key, "") == posted.get(key, "")
    assert kept.get("tags", []) == sorted(posted.get("tags") or [])


@pytest.mark.parametrize("alert", recorded_alerts(), ids=lambda alert: json.loads(alert)["rule"][:30])
def test_the_journal_gives_back_what_it_was_given(alert: bytes) -> None:
    event = one(alert)
    again = Event.from_json(event.json)
    assert again == event
    assert again.json == event.json


@pytest.mark.parametrize(
    "literal",
    ["1.0", "1E+2", "-0.0", "1e400", "9223372036854775807", "18446744073709551615", "123456789012345678901234567890"],
)
def test_a_number_stays_as_it_was_written(literal: str) -> None:
    assert fields_as_written(literal) == b'{"f":%b}' % literal.encode()


def test_the_journal_gives_back_a_number_of_any_length() -> None:
    event = one(body(output_fields="HERE").replace(b'"HERE"', b'{"f": %b}' % (b"9" * 5000)))
    assert Event.from_json(event.json) == event


@pytest.mark.parametrize("value", ["null", "true", '""', "[]", '["a",1,null]', '{"b":{"a":[1.50]}}', '"\\u0000é😀"'])
def test_every_json_value_may_stand_in_a_field(value: str) -> None:
    assert json.loads(fields_as_written(value)) == {"f": json.loads(value)}


def test_canonical_order() -> None:
    event = one(body(output_fields={"b": 1, "a": 2}, tags=["z", "A"], hostname="h", output="o", source="s"))
    text = event.json.decode()
    assert list(json.loads(text)) == [
        "uuid", "output", "priority", "rule", "time", "output_fields", "source", "tags", "hostname",
    ]  # fmt: skip
    assert '{"a":2,"b":1}' in text
    assert '["A","z"]' in text


def test_what_is_missing_gets_falcosidekicks_default() -> None:
    event = one(b'{"rule":"r","priority":"info","time":"2026-05-06T07:08:09Z"}')
    assert (event.source, event.priority, event.tags, event.hostname) == ("syscalls", Priority.INFORMATIONAL, (), "")
    assert event.json.endswith(b'"output_fields":{},"source":"syscalls"}')


def test_each_alert_gets_an_id_of_its_own_whatever_the_sender_says() -> None:
    ids = {one(body(uuid="mine")).uuid for _ in range(1000)}
    assert len(ids) == 1000
    assert all(len(id) == 36 and id[14] == "4" and id[19] in "89ab" for id in ids)


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "json"),
        (b"{", "json"),
        (b"[]", "type"),
        (b'"x"', "type"),
        (body(rule=""), "rule"),
        (body(rule=None), "rule"),
        (body(rule=5), "type"),
        (body(priority="urgent"), "priority"),
        (body(priority=" error"), "priority"),
        (body(priority=3), "type"),
        (body(time="yesterday"), "time"),
        (body(time="2026-02-30T00:00:00Z"), "time"),
        (body(time="2026-05-06 07:08:09Z"), "time"),
        (body(time="0001-01-01T00:00:00Z"), "time"),
        (body(time=None), "time"),
        (body(output_fields=[1]), "type"),
        (body(tags="a"), "type"),
        (body(tags=[1]), "type"),
        (body() + b"x", "json"),
        (body() + body(rule=""), "rule"),
        (b'{"Output_Fields":' + b'{"a":' * 500 + b"1" + b"}" * 501, "json"),
        (body(output_fields={"a": "HERE"}).replace(b'"HERE"', b"[" * 200 + b"]" * 200), "json"),
        (b"[" * 100_000, "json"),
        (b'{"x":NaN}', "json"),
    ],
)
def test_what_is_no_alert_is_refused_with_its_reason(raw: bytes, reason: str) -> None:
    with pytest.raises(DecodeError) as refusal:
        decode(raw)
    assert refusal.value.reason == reason


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ("2026-05-06T07:08:09Z", "2026-05-06T07:08:09Z"),
        ("2026-05-06T07:08:09.100000000Z", "2026-05-06T07:08:09.1Z"),
        ("2026-05-06T07:08:09.000Z", "2026-05-06T07:08:09Z"),
        ("2026-05-06T07:08:09,5+00:00", "2026-05-06T07:08:09.5Z"),
        ("2026-05-06T07:08:09.1234567891234+02:00", "2026-05-06T07:08:09.123456789+02:00"),
    ],
)
def test_time_is_written_as_go_writes_it(written: str, canonical: str) -> None:
    assert canonical_time(written) == canonical


def test_time_in_numbers() -> None:
    event = one(body(time="2026-05-06T07:08:09.123456789+02:00"))
    assert event.timestamp_ns == 1778044089_123456789
    assert event.datetime.isoformat() == "2026-05-06T07:08:09.123456+02:00"


def test_several_alerts_in_a_row_are_all_taken() -> None:
    assert [event.rule for event in decode(body(rule="a") + b"\n" + body(rule="b") + b"\n")] == ["a", "b"]


def test_keys_in_any_case_and_repeated_objects_are_merged() -> None:
    raw = (
        b'{"RULE":"r","Priority":"Info","Time":"2026-05-06T07:08:09Z","output_fields":{"a":1},"Output_Fields":{"b":2}}'
    )
    assert one(raw).fields == {"a": 1, "b": 2}


@pytest.mark.parametrize(("begin", "end"), [(b"[", b"]"), (b'{"a":', b"}")])
def test_what_is_nested_as_deep_as_is_taken_is_given_back_from_anywhere(begin: bytes, end: bytes) -> None:
    nested = begin * 198 + b"1" + end * 198
    event = one(body(output_fields={"a": "HERE", "text": "[{" * 500}).replace(b'"HERE"', nested))

    def read_back(frames: int) -> Event:
        return read_back(frames - 1) if frames else Event.from_json(event.json)

    assert read_back(300) == event


def test_bytes_that_are_no_text_become_replacement_characters() -> None:
    assert one(body(output="HERE").replace(b"HERE", b"a\xffb")).output == "a�b"
    assert one(body(output="HERE").replace(b"HERE", b"\\ud800")).output == "�"


@given(st.binary())
@example(body(output_fields={"n": "-0"}).replace(b'"-0"', b"-0").replace(b"rule", b"RULE"))
def test_any_bytes_give_alerts_or_the_one_error(raw: bytes) -> None:
    targets.event(raw)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(st.text(), json_values), st.text(min_size=1), st.lists(st.text()))
def test_any_fields_come_back_as_they_went_in(fields: dict[str, Any], rule: str, tags: list[str]) -> None:
    event = one(body(output_fields=fields, rule=rule, tags=tags))
    kept = json.loads(event.json)
    assert kept["output_fields"] == fields
    assert Event.from_json(event.json) == event
    assert event.rule == rule


@given(st.dictionaries(st.sampled_from([*VALID, "tags", "source", "hostname", "output", "x"]), json_values))
def test_any_object_gives_an_alert_or_the_one_error(changes: dict[str, Any]) -> None:
    try:
        [event] = decode(json.dumps(VALID | changes).encode())
    except DecodeError:
        return
    assert Event.from_json(event.json) == event
