"""What the Elasticsearch output sends and how it reads answers, without a server: captures and recorded answers."""

import gzip
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import outputs._elasticsearch_mapping as mapping
from outputs.elasticsearch import Elasticsearch, ElasticsearchSettings
from sidekick.event import Event
from sidekick.sdk import (
    Answer,
    Context,
    DeliveryError,
    MisconfiguredError,
    PartialError,
    PermanentError,
    Request,
    RetryableError,
)
from tests.outputs.alerts import DATA, alert, recorded

SERVERS = ["es-7.10.2", "opensearch-3.8", "es-8.19", "es-9.5"]
CAPTURES = json.loads((DATA / "captures" / "elasticsearch.json").read_text())


def output(**settings: Any) -> Elasticsearch:
    lowered = {key.lower(): value for key, value in settings.items()}
    return Elasticsearch(ElasticsearchSettings(**{"hostport": "http://127.0.0.1:9200"} | lowered), Context())


def lines(request: Request) -> list[Any]:
    body = gzip.decompress(request.body) if request.headers.get("Content-Encoding") == "gzip" else request.body
    assert body.endswith(b"\n")
    return [json.loads(line, object_pairs_hook=list) for line in body.splitlines()]


def pairs(value: Any) -> Any:
    """The value as `object_pairs_hook=list` gives it, so that the order of keys counts."""
    return json.loads(json.dumps(value), object_pairs_hook=list)


def answers(server: str) -> dict[str, Answer]:
    entries = json.loads((DATA / "answers" / f"{server}.json").read_text())
    return {entry["name"]: Answer(entry["status"], entry["headers"], entry["body"].encode()) for entry in entries}


@pytest.mark.parametrize("capture", CAPTURES, ids=lambda capture: f"{capture['path']}-{capture['settings']}"[:60])
def test_documents_are_those_of_falcosidekick(capture: dict[str, Any]) -> None:
    inputs = capture["input"] if isinstance(capture["input"], list) else [capture["input"]]
    events = [recorded(name) for name in inputs]
    request = output(**capture["settings"]).encode(events)
    sent = lines(request)
    bodies = capture["body"][1::2] if isinstance(capture["body"], list) else [capture["body"]]
    expected = [pairs(body | {"uuid": event.uuid}) for body, event in zip(bodies, events, strict=True)]
    # falcosidekick writes flattened fields in a new order at each send; ours are sorted.
    assert [_sorted_fields(document) for document in sent[1::2]] == [_sorted_fields(body) for body in expected]
    theirs = {name: value for name, value in capture["headers"].items() if name in ("authorization", "x-found")}
    ours = {name.lower(): value for name, value in request.headers.items()}
    assert {name: ours[name].lower() for name in theirs} == {name: value.lower() for name, value in theirs.items()}
    assert ("content-encoding" in ours) == ("content-encoding" in capture["headers"])


def _sorted_fields(document: list[Any]) -> list[Any]:
    return [[key, sorted(value) if key == "output_fields" else value] for key, value in document]


@pytest.mark.parametrize(
    ("suffix", "time", "index"),
    [
        ("daily", "2026-11-24T23:59:59.9Z", "falco-2026.11.24"),
        ("daily", "2026-11-24T23:30:00-02:00", "falco-2026.11.25"),
        ("monthly", "2026-12-01T01:00:00+02:00", "falco-2026.11"),
        ("annually", "2026-01-01T00:30:00+01:00", "falco-2025"),
        ("none", "2026-11-24T23:59:59Z", "falco"),
        ("daily", "0001-01-01T00:00:01+02:00", "falco-0001.01.01"),
        ("daily", "9999-12-31T23:59:59-02:00", "falco-9999.12.31"),
    ],
)
def test_the_index_is_that_of_the_alerts_own_time_in_utc(suffix: str, time: str, index: str) -> None:
    event = alert(time=time)
    action = json.loads(output(suffix=suffix).encode([event]).body.splitlines()[0])
    assert action == {"create": {"_index": index, "_id": event.uuid}}


def test_a_data_stream_has_no_date() -> None:
    body = output(datastream=True, index="logs-falco-default").encode([alert()]).body
    action, document = map(json.loads, body.splitlines())
    assert action["create"]["_index"] == "logs-falco-default"
    assert list(document)[-1] == "@timestamp"


def test_a_pipeline_and_a_trailing_slash_in_the_url() -> None:
    url = output(hostport="http://es:9200/", pipeline="a/b c").encode([alert()]).url
    assert url.startswith("http://es:9200/_bulk?filter_path=")
    assert url.endswith("&pipeline=a%2Fb%20c")


def test_batch_limits_are_falcosidekicks_narrowed_by_ours() -> None:
    assert output().batch.bytes == 5 << 20
    assert output().batch.linger == 1.0
    assert output().batch.count == 1000
    assert output(batching={"enabled": False}).batch.count == 1
    assert output(batching={"batchsize": 1 << 20, "flushinterval": "500ms"}).batch.linger == 0.5
    assert output(batching={"batchsize": "1MiB"}, batch={"bytes": 1000, "count": 7}).batch.bytes == 1000
    assert output(batch={"count": 7}).batch.count == 7


def test_flattened_names_that_fall_together_lose_no_value() -> None:
    (_, document) = lines(output(flattenfields=True).encode([alert({"a.b": 1, "a_b": 2, "a.b_c": 3, "a_b.c": 4})]))
    fields = dict(dict(document)["output_fields"])
    assert sorted(fields.values()) == [1, 2, 3, 4]
    assert fields["a_b"] == 2


NESTED = {"a": 1}
for _ in range(30):
    NESTED = {"deeper": NESTED}


@pytest.mark.parametrize("fields", [{"": 1}, {".x": 1}, {"a..b": 1}, {" ": 1}, {"deep": NESTED}, {"x" * 40_000: 1}])
def test_with_a_field_that_a_mapping_refuses_all_travel_as_text(fields: dict[str, Any]) -> None:
    event = alert(fields | {"proc.name": "bash"})
    document = json.loads(output().encode([event]).body.splitlines()[1])
    assert document["output_fields"] == {"proc.name": "bash"}
    assert json.loads(document["output_fields_text"]) == event.fields
    assert document["uuid"] == event.uuid


def test_ordinary_fields_are_not_moved() -> None:
    for name in ("a_syscall_terminal", "b_network_connect", "c_k8s_audit", "d_special", "e_syscall_drops"):
        event = recorded(f"inputs/{name}.json")
        for kind in (mapping.UNKNOWN, mapping.FLATTENED, mapping.FLAT_OBJECT, mapping.subset(flat=False)):
            refused = event.fields.keys() - kind.taken(event)
            assert refused == ({"fd.sip.name"} & event.fields.keys() if kind.leaves else set()), (name, kind.body)


@pytest.mark.parametrize(
    ("kind", "fields", "takes"),
    [
        (mapping.FLATTENED, {"proc.cmdline": "x" * 40_000}, True),
        (mapping.FLAT_OBJECT, {"proc.cmdline": "x" * 40_000}, False),
        (mapping.FLAT_OBJECT, {"": 1, "a..b": 2}, True),
        (mapping.subset(flat=False), {"proc.cmdline": "x" * 40_000}, True),
        (mapping.subset(flat=False), {"proc": 1}, False),
        (mapping.subset(flat=False), {"proc.name": {"a": 1}}, False),
        (mapping.subset(flat=False), {"proc.name": [1, [{"a": 1}]]}, False),
        (mapping.subset(flat=False), {"proc.name": [1, "a", None]}, True),
        (mapping.subset(flat=False), {"fd.rip.name": "example.test"}, False),
        (mapping.subset(flat=True), {"proc_name": "bash", "proc": 1}, True),
    ],
)
def test_what_each_kind_of_server_takes(kind: mapping.FieldsMapping, fields: dict[str, Any], takes: bool) -> None:
    for _ in range(2):  # the second time with the names remembered
        assert (kind.taken(alert(fields)) == fields) is takes


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=10,
)


@given(fields=st.dictionaries(st.text(max_size=20), json_values, max_size=5), flat=st.booleans())
def test_whatever_the_fields_the_document_holds_all_of_them(fields: dict[str, Any], flat: bool) -> None:
    event = alert(fields)
    document = json.loads(output(flattenfields=flat).encode([event]).body.splitlines()[1])
    kept = json.loads(document.pop("output_fields_text", "null")) or document["output_fields"]
    assert document.pop("@timestamp") == event.time
    assert sorted(map(_canonical, kept.values())) == sorted(map(_canonical, event.fields.values()))
    assert document | {"output_fields": 0} == json.loads(event.json) | {"output_fields": 0}


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


@pytest.mark.parametrize("server", SERVERS)
def test_each_server_gets_a_mapping_that_it_has(server: str) -> None:
    types = {"opensearch-3.8": "flat_object", "es-8.19": "flattened", "es-9.5": "flattened"}
    assert mapping.of_server(answers(server)["root"], flat=False).body.get("type") == types.get(server)


def test_a_server_that_may_not_tell_its_version_is_known_by_its_headers() -> None:
    forbidden = Answer(403, {"x-elastic-product": "Elasticsearch"}, b"{}")
    assert mapping.of_server(forbidden, flat=False) is mapping.FLATTENED
    forbidden = Answer(403, {"x-opensearch-version": "OpenSearch/3.8.0 (opensearch)"}, b"")
    assert mapping.of_server(forbidden, flat=False) is mapping.FLAT_OBJECT
    assert mapping.of_server(Answer(200, {"content-type": "text/html"}, b"<html>"), flat=False) is mapping.UNKNOWN


def verdicts(server: str, name: str) -> list[str]:
    """The verdict of each item of a recorded answer."""
    answer = answers(server)[name]
    count = len(json.loads(answer.body)["items"]) if answer.status == 200 else 2
    try:
        output().read_answer(answer, [alert()] * count)
    except PartialError as partial:
        return [_kind(partial.errors.get(place)) for place in range(count)]
    except DeliveryError as error:
        return [_kind(error)] * count
    return ["NoneType"] * count


OK, LATER, NEVER, OURS = "NoneType", "RetryableError", "PermanentError", "MisconfiguredError"


def _kind(error: DeliveryError | None) -> str:
    return NEVER if isinstance(error, PermanentError) else type(error).__name__


@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("bulk filter_path", [OK, OK, NEVER]),
        ("bulk write block", [NEVER, OK]),
        ("bulk flood-stage block (read_only_allow_delete)", [LATER]),
        ("bulk closed index", [OURS]),
        ("bulk unknown index, auto-create off", [OURS]),
        ("bulk auto-create over cluster.max_shards_per_node", [OURS]),
        ("bulk unknown pipeline in query", [OURS]),
        ("bulk keyword of 40000 bytes", [NEVER]),
        ("bulk 429 whole request (indexing_pressure.memory.limit)", [LATER, LATER]),
        ("bulk 413 (http.max_content_length)", [NEVER, NEVER]),
    ],
)
def test_recorded_answers(server: str, name: str, expected: list[str]) -> None:
    assert verdicts(server, name) == expected


@pytest.mark.parametrize("server", SERVERS)
def test_back_pressure_on_some_items_is_retried_for_those_alone(server: str) -> None:
    found = verdicts(server, "bulk 429 on some items (write queue full)")
    assert set(found) == {OK, LATER}


def test_recorded_answers_of_a_server_with_security() -> None:
    assert verdicts("es-8.19", "security: bulk, API key revoked") == [OURS, OURS]
    assert verdicts("es-8.19", "security: bulk, API key, wrong index only") == [OURS]


def test_a_pipeline_that_drops_has_taken_the_alert_and_one_that_fails_refused_it() -> None:
    assert verdicts("es-7.10.2", "bulk with pipeline drop") == [OK]
    assert verdicts("es-7.10.2", "bulk with pipeline fail") == [NEVER]


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (Answer(200, {"content-type": "text/html"}, b"<html>Sign in</html>"), MisconfiguredError),
        (Answer(200, {"content-type": "application/json"}, b'{"errors":false,"it'), RetryableError),
        (Answer(200, {"content-type": "application/json"}, b'{"errors":false,"items":[]}'), RetryableError),
        (Answer(302, {"location": "/login"}, b""), MisconfiguredError),
        (Answer(503, {"retry-after": "7"}, b"no available server"), RetryableError),
    ],
)
def test_an_answer_of_something_else_is_no_success(answer: Answer, error: type[DeliveryError]) -> None:
    with pytest.raises(error) as raised:
        output().read_answer(answer, [alert()])
    assert type(raised.value) is error


def test_a_refusal_names_the_reason_once_and_not_the_login() -> None:
    answer = answers("es-8.19")["bulk filter_path"]
    with pytest.raises(PartialError) as raised:
        output(username="sidekick", password="hunter2").read_answer(answer, [alert()] * 3)
    (error,) = raised.value.errors.values()
    assert isinstance(error, PermanentError)
    assert "failed to parse field [time]" in str(error)


def test_the_document_of_an_alert_read_back_from_the_journal_is_the_same() -> None:
    event = alert()
    again = Event.from_json(event.json)
    assert output().encode([event]).body == output().encode([again]).body
