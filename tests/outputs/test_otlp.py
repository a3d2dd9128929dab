"""OTLP: what falcosidekick tells is told, and what it forgets; counters that a second try does not double."""

import asyncio
import json
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsPartialSuccess,
    ExportLogsServiceRequest,
    ExportLogsServiceResponse,
)
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsPartialSuccess,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from prometheus_client import CollectorRegistry, Counter

from outputs._otlp import RecordSettings
from outputs.otlp_logs import OtlpLogs
from outputs.otlp_metrics import OtlpMetrics, OtlpMetricsSettings
from outputs.otlp_traces import OtlpTraces, OtlpTracesSettings
from sidekick.event import Event
from sidekick.sdk import Answer, Context, MisconfiguredError, PermanentError, RetryableError
from sidekick.sdk.testing import Fault, Loopback, always, loopback
from sidekick.settings import ConfigurationError, load
from tests.deadline import until, wait_for
from tests.outputs.alerts import DATA, alert, recorded
from tests.outputs.captures import otlp
from tests.outputs.midstream import RETRY, through

PROTOBUF = {"content-type": "application/x-protobuf"}


def logs(**settings: Any) -> OtlpLogs:
    return OtlpLogs(RecordSettings.model_validate({"endpoint": "http://otel/v1/logs"} | settings), Context())


def traces(**settings: Any) -> OtlpTraces:
    return OtlpTraces(OtlpTracesSettings.model_validate({"endpoint": "http://otel/v1/traces"} | settings), Context())


def record(event: Event) -> Any:
    (found,) = ExportLogsServiceRequest.FromString(logs().encode([event]).body).resource_logs[0].scope_logs
    return found.log_records[0]


def span(event: Event, **settings: Any) -> Any:
    body = traces(**settings).encode([event]).body
    return ExportTraceServiceRequest.FromString(body).resource_spans[0].scope_spans[0].spans[0]


def attributes(message: Any) -> dict[str, Any]:
    return {one.key: one.value.string_value or list(one.value.array_value.values) for one in message.attributes}


@pytest.mark.parametrize("name", ["a_syscall_terminal", "b_network_connect", "c_k8s_audit", "d_special"])
def test_a_log_record_has_falcosidekicks_attributes_and_the_alerts_fields(name: str) -> None:
    recording = json.loads((DATA / "captures" / "otlp.logs.json").read_text())
    (theirs,) = (
        capture["body"]["resourceLogs"][0]["scopeLogs"][0]["logRecords"][0]["attributes"]
        for capture in recording["captures"]
        if capture["variant"] == "default" and capture["input"].endswith(f"{name}.json")
    )
    event = recorded(f"inputs/{name}.json")
    ours = otlp.decoded(logs().encode([event]).body, {"resourceLogs": []})
    found = ours["resourceLogs"][0]["scopeLogs"][0]["logRecords"][0]["attributes"]
    assert theirs
    for attribute in theirs:
        assert found[attribute["key"]] == attribute["value"]
    valued = {field for field, value in event.fields.items() if value is not None}
    assert found.keys() == {attribute["key"] for attribute in theirs} | valued | {"log.record.uid"}


def test_a_log_record_says_when_and_how_bad() -> None:
    found = record(alert(priority="Critical", time="2026-11-24T12:20:05.123456789+02:00"))
    assert found.time_unix_nano == found.observed_time_unix_nano == 1795515605123456789
    assert (found.severity_number, found.severity_text) == (18, "Critical")


def test_a_time_that_64_bits_cannot_tell_is_unknown() -> None:
    for time in ("1969-12-31T23:59:59Z", "9999-12-31T23:59:59Z"):
        assert record(alert(time=time)).time_unix_nano == 0
        assert span(alert(time=time)).start_time_unix_nano == 0


def test_an_alerts_own_field_hides_nothing_of_ours() -> None:
    found = record(alert({"priority": "low", "proc.pid": 7, "list": ["a", 1], "none": None, "": "nameless"}))
    assert attributes(found)["priority"] == "Notice"
    assert attributes(found)["proc.pid"] == "7"
    assert {"none", ""}.isdisjoint(attributes(found))
    assert len(found.attributes) == len(attributes(found))


SHOP_WEB = "2a01f93cd999a3a92b5b90fc800064ec"  # as falcosidekick was recorded


@pytest.mark.parametrize(
    ("fields", "trace"),
    [
        ({"k8s.ns.name": "shop", "k8s.pod.name": "web-7d9f6c5b4-x2x9z", "container.id": "3ad7"}, SHOP_WEB),
        ({"k8s.pod.name": "web-7d9f6c5b4-x2x9z", "container.id": "a"}, "d228cb696f1a8caf78912b704e4a8964"),
        ({"container.id": "host", "evt.hostname": "a"}, "d228cb696f1a8caf78912b704e4a8964"),
        ({"k8s.ns.name": None, "k8s.pod.name": 7, "evt.hostname": "a"}, "d228cb696f1a8caf78912b704e4a8964"),
    ],
)
def test_alerts_of_one_place_are_in_one_trace(fields: dict[str, Any], trace: str) -> None:
    one, other = alert(fields), alert(fields)
    assert span(one).trace_id.hex() == span(other).trace_id.hex() == trace
    assert span(one).span_id != span(other).span_id


def test_an_alert_of_no_place_is_a_trace_of_its_own() -> None:
    event = alert({"ka.verb": "create", "container.id": "host"}, source="k8s_audit")
    assert span(event).trace_id.hex() == event.uuid.replace("-", "")
    assert span(event).span_id == span(event).span_id != bytes(8)


@pytest.mark.parametrize(
    ("duration", "nanoseconds"), [(2500, 2_500_000_000), ("2500", 2_500_000_000), ("3s", 3 * 10**9)]
)
def test_a_span_lasts_as_long_as_is_set(duration: Any, nanoseconds: int) -> None:
    found = span(alert(), duration=duration)
    assert found.end_time_unix_nano - found.start_time_unix_nano == nanoseconds


def test_headers_are_read_as_opentelemetry_writes_them() -> None:
    headers = logs(headers="x-k=v, Authorization=Bearer%20a%2Cb=").encode([alert()]).headers
    assert headers["x-k"] == "v"
    assert headers["Authorization"] == "Bearer a,b="


def test_falcosidekicks_variables_count_before_the_keys_and_are_not_shown() -> None:
    variables = {
        "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT": "http://other/v1/logs",
        "OTEL_EXPORTER_OTLP_LOGS_TIMEOUT": "700",
        "OTEL_EXPORTER_OTLP_LOGS_HEADERS": "api-key=hidden",
    }
    output = logs(extraenvvars=variables)
    assert output.settings.timeout == 0.7
    request = output.encode([alert()])
    assert (request.url, request.headers["api-key"]) == ("http://other/v1/logs", "hidden")
    assert "hidden" not in repr(output.settings)


def test_grpc_is_an_error_that_says_what_to_write(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text("otlp: {logs: {endpoint: 'http://otel:4317', protocol: grpc, timeout: 5000}}")
    with pytest.raises(ConfigurationError) as met:
        load(file, {})
    assert "write http/protobuf" in str(met.value)


def partial(refused: int, message: str = "too old") -> Answer:
    told = ExportLogsPartialSuccess(rejected_log_records=refused, error_message=message)
    return Answer(200, PROTOBUF, ExportLogsServiceResponse(partial_success=told).SerializeToString())


def test_records_refused_in_a_200_are_refused() -> None:
    logs().read_answer(Answer(200, PROTOBUF), [alert()])
    logs().read_answer(partial(0, "do not send so much"), [alert()])
    for output in (logs(), traces()):
        with pytest.raises(PermanentError, match="1 of 2 refused: too old"):
            output.read_answer(partial(1), [alert(), alert()])


@asynccontextmanager
async def metrics(server: Loopback, registry: CollectorRegistry | None = None, **settings: Any) -> AsyncGenerator[Any]:
    chosen = OtlpMetricsSettings.model_validate({"endpoint": f"{server.url}/v1/metrics"} | settings)
    output = OtlpMetrics(chosen, Context(registry=registry or CollectorRegistry(), custom_fields=("akey",)))
    try:
        await output.connect()
        yield output
    finally:
        await output.close()


def told(server: Loopback) -> list[dict[str, Any]]:
    """The metrics of the last request."""
    body = otlp.decoded(server.requests[-1][0].body, {"resourceMetrics": []})
    return body["resourceMetrics"][0]["scopeMetrics"][0].get("metrics", [])


def counts(server: Loopback, by: str = "rule") -> dict[str, int]:
    points = told(server)[0]["sum"]["dataPoints"]
    return {point["attributes"][by]["stringValue"]: int(point["asInt"]) for point in points}


def process() -> CollectorRegistry:
    """What the process of the recording had counted after its first alert."""
    registry = CollectorRegistry()
    name = "falcosecurity_falcosidekick"
    Counter(f"{name}_inputs", "", ["source", "status"], registry=registry).labels("requests", "accepted").inc()
    Counter(f"{name}_outputs", "", ["destination", "status"], registry=registry).labels("webhook", "ok").inc()
    return registry


async def test_counters_are_falcosidekicks() -> None:
    recording = json.loads((DATA / "captures" / "sessions" / "otlp.metrics.json").read_text())
    (capture,) = (one for one in recording["captures"] if one["variant"] == "extraattributes_globals")
    body = json.loads((DATA / "captures" / capture["input"]).read_text())
    event = alert({**body["output_fields"], "akey": "AValue"}, **(_enriched(body)))
    async with (
        loopback() as server,
        metrics(server, process(), extraattributes="proc.name, user.uid,missing.one") as output,
    ):
        await output.send([event])
        ours = otlp.decoded(server.requests[-1][0].body, {"resourceMetrics": []})
    assert _timeless(ours) == _timeless(otlp.by_name(capture["body"]))


def _enriched(body: Mapping[str, Any]) -> dict[str, Any]:
    kept = {name: body[name] for name in ("output", "priority", "rule", "source", "hostname", "time")}
    return kept | {"tags": [*body["tags"], "tagA", "tagB"]}


def _timeless(value: Any) -> Any:
    if isinstance(value, list):
        return [_timeless(item) for item in value]
    if isinstance(value, dict):
        return {name: _timeless(item) for name, item in value.items() if not name.lower().endswith("timeunixnano")}
    return value


async def test_counters_go_on_and_a_second_try_does_not_double_them() -> None:
    async with loopback() as server, metrics(server) as output:
        await output.send([alert(rule="A"), alert(rule="A"), alert(rule="B")])
        assert counts(server) == {"A": 2, "B": 1}
        server.script = always(Answer(503))
        for _ in range(3):
            with pytest.raises(RetryableError):
                await output.send([alert(rule="A")])
        server.script = always(Answer(200))
        await output.close()
        await output.connect()
        await output.send([alert(rule="A")])
        assert counts(server) == {"A": 3, "B": 1}
        begun = {point["startTimeUnixNano"] for point in told(server)[0]["sum"]["dataPoints"]}
        assert len(begun) == 1


async def test_what_is_not_told_anew_would_go_stale() -> None:
    async with loopback() as server, metrics(server, interval="10ms") as output:
        await output.send([alert(rule="A")])
        server.script = always(Answer(503))
        await until(lambda: len(server.requests) > 3)
        server.script = always(Answer(200))
        server.requests.clear()
        await until(lambda: server.requests)
        assert counts(server) == {"A": 1}


async def test_series_are_bounded() -> None:
    events = [alert(rule=f"Rule {number}", tags=["x" * 400]) for number in range(20)]
    async with loopback() as server, metrics(server, maxseries=5) as output:
        await output.send(events)
        assert counts(server) == {f"Rule {number}": 1 for number in range(5)} | {"other": 15}
        assert "x" * 257 not in json.dumps(told(server))


@pytest.mark.parametrize(("refused", "error"), [(1, None), (2, MisconfiguredError)])
async def test_counters_that_are_refused_are_told_again(refused: int, error: type[Exception] | None) -> None:
    partly = ExportMetricsPartialSuccess(rejected_data_points=refused, error_message="no")
    body = ExportMetricsServiceResponse(partial_success=partly).SerializeToString()
    events: Sequence[Event] = [alert(rule="A"), alert(rule="B")]
    async with loopback(always(Answer(200, PROTOBUF, body))) as server, metrics(server) as output:
        if error:
            with pytest.raises(error, match="2 counters refused: no"):
                await output.send(events)
        else:
            await output.send(events)
        server.script = always(Answer(200))
        await output.send(events)
        assert counts(server) == ({"A": 1, "B": 1} if error else {"A": 2, "B": 2})


def outage(server: Loopback, by: Answer | Fault) -> Callable[[], None]:
    """Until three requests have met it."""

    def trouble() -> None:
        met = len(server.requests)
        server.script = always(by)
        wait_for(lambda: len(server.requests) >= met + 3)
        server.script = always(Answer(200))

    return trouble


def taken(server: Loopback) -> list[bytes]:
    return [
        request.body for request, outcome in server.requests if isinstance(outcome, Answer) and outcome.status == 200
    ]


async def test_a_collector_that_fails_in_mid_stream_has_every_record(tmp_path: Path) -> None:
    async with loopback() as server:
        output = logs(endpoint=server.url, retry=RETRY)
        events = await through(output, tmp_path, outage(server, Answer(503)), outage(server, Fault.CUT))
        found = [
            attributes(one)["log.record.uid"]
            for body in taken(server)
            for one in ExportLogsServiceRequest.FromString(body).resource_logs[0].scope_logs[0].log_records
        ]
    assert sorted(found) == sorted(event.uuid for event in events)


async def test_a_collector_that_fails_in_mid_stream_has_every_count(tmp_path: Path) -> None:
    async with loopback() as server:
        settings = {"endpoint": server.url, "retry": RETRY, "batch": {"linger": "10ms"}}
        output = OtlpMetrics(OtlpMetricsSettings.model_validate(settings), Context())
        events = await through(output, tmp_path, outage(server, Answer(503)), outage(server, Fault.CUT))
        assert sum(counts(server).values()) == len(events)


async def test_nothing_is_left_running_after_a_close() -> None:
    async with loopback() as server, metrics(server, interval="1ms"):
        await until(lambda: server.requests)
    assert len(asyncio.all_tasks()) == 1
