"""The outputs elasticsearch and opensearch, each on its real server: Elasticsearch 7.10.2 and OpenSearch 3.8."""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from outputs.elasticsearch import Elasticsearch
from outputs.opensearch import Opensearch
from sidekick.event import Event
from sidekick.sdk import Context, MisconfiguredError, PartialError, PermanentError, RetryableError
from tests.outputs.alerts import alert, recorded
from tests.outputs.midstream import RETRY, restart, through
from tests.services import search
from tests.services.search import SearchServer

INPUTS = [f"inputs/{name}.json" for name in ("a_syscall_terminal", "b_network_connect", "c_k8s_audit", "d_special")]


@pytest.fixture(params=["elasticsearch", "opensearch"])
def server(request: pytest.FixtureRequest) -> SearchServer:
    return request.getfixturevalue(request.param)


@pytest.fixture
def index() -> str:
    return f"test-{uuid.uuid4().hex[:12]}"


def made(server: SearchServer, **settings: Any) -> Elasticsearch | Opensearch:
    kind = Opensearch if isinstance(server, search.OpenSearch) else Elasticsearch
    return kind(kind.Settings.model_validate({"hostport": server.url, "numberofshards": 1} | settings), Context())


@asynccontextmanager
async def connected(server: SearchServer, **settings: Any) -> AsyncIterator[Elasticsearch | Opensearch]:
    output = made(server, **settings)
    try:
        await output.connect()
        yield output
    finally:
        await output.close()


def stored(server: SearchServer, pattern: str, query: dict[str, Any] | None = None) -> list[dict[str, Any]]:
    """Every document found, with its index."""
    server.ask("POST", f"/{pattern}/_refresh")
    search_for = {"query": query or {"match_all": {}}, "size": 1000}
    return [hit["_source"] | {"_index": hit["_index"]} for hit in _hits(server, pattern, search_for)]


def _hits(server: SearchServer, pattern: str, body: dict[str, Any]) -> list[dict[str, Any]]:
    return server.ask("POST", f"/{pattern}/_search", body)["hits"]["hits"]


async def test_alerts_are_found_once_whole_and_in_the_index_of_their_day(server: SearchServer, index: str) -> None:
    events = [recorded(name) for name in INPUTS]
    async with connected(server, index=index) as output:
        await output.send(events)
        await output.send(events)  # as after an answer that was lost
    found = {document["uuid"]: document for document in stored(server, f"{index}-*")}
    assert len(found) == len(events)
    for event in events:
        document = found[event.uuid]
        assert document.pop("_index") == f"{index}-2024.03.01"
        assert document.pop("@timestamp") == event.time
        fields = json.loads(document.pop("output_fields_text", "null")) or document["output_fields"]
        assert fields == json.loads(event.json)["output_fields"]
        assert document | {"output_fields": 0} == json.loads(event.json) | {"output_fields": 0}


@pytest.mark.parametrize(
    "query",
    [
        {"term": {"rule.keyword": "Terminal shell in container"}},
        {"match": {"rule": "shell"}},
        {"term": {"output_fields.proc.name": "bash"}},
        {"range": {"@timestamp": {"gte": "2024-03-01", "lt": "2024-03-02"}}},
        {"term": {"tags.keyword": "T1059"}},
    ],
    ids=str,
)
async def test_a_stored_alert_is_searchable(server: SearchServer, query: dict[str, Any]) -> None:
    index = f"test-{uuid.uuid4().hex[:12]}"
    event = recorded(INPUTS[0])
    async with connected(server, index=index) as output:
        await output.send([event, alert({"proc.name": "sh"}, rule="Another", tags=[])])
    assert [document["uuid"] for document in stored(server, f"{index}-*", query)] == [event.uuid]


def nested(depth: int) -> Any:
    return {"deeper": nested(depth - 1)} if depth else 1


HOSTILE: list[dict[str, Any]] = [
    {"proc.pid": 1},
    {"proc.pid": "one"},
    {"proc.pid": True},
    {"proc.pid": [1, "two", None]},
    {"proc.pid": {"value": 1}},
    {"proc.pid": [{"value": 1}]},
    {"proc": "text"},
    {"proc": {"name": "bash"}},
    {"proc": {"name": {"first": "b"}}},
    {"proc.pid.value": 1},
    {"proc.pid": 1, "proc.pid.value": 2},
    {"": 1},
    {".": 1},
    {".x": 1},
    {"x.": 1},
    {"a..b": 1},
    {" ": 1},
    {"a. .b": 1},
    {"a": {"": 1}},
    {"a": {"b..c": [{"": {" ": 1}}]}},
    {"big": 2**64 - 1, "bigger": 2**200, "float": 1e300},
    {"deep": nested(25)},
    {"deep": nested(90)},
    {"proc.cmdline": "x" * 40_000},
    {"any": "é" * 20_000},
    {"x" * 40_000: 1},
    {"a": {"y" * 40_000: 1}},
    {"any": {"inner": "x" * 40_000}},
    {"any": ["x" * 40_000]},
    {"time": "not a time", "@timestamp": "neither"},
    {"[": 1, "proc.aname[2]": "systemd", "json.value[/a/b~1c]": "x", "n drops?": 1, "*": 2, "%": 3},
    {f"name.{number}": number for number in range(3000)},
]


async def test_no_alert_is_refused_for_its_fields(server: SearchServer, index: str) -> None:
    events = [alert(fields, output=str(number)) for number, fields in enumerate(HOSTILE)]
    async with connected(server, index=index) as output:
        for event in events:
            await output.send([event])
        await output.send([alert({f"other.{number}": 1}) for number in range(1500)])
    found = {document["uuid"]: document for document in stored(server, f"{index}-*", {"match": {"rule": "shell"}})}
    for event in events:
        kept = found[event.uuid]
        fields = json.loads(kept.get("output_fields_text", "null")) or kept["output_fields"]
        assert fields == json.loads(event.json)["output_fields"]


async def test_one_refused_alert_does_not_sink_the_others(server: SearchServer, index: str) -> None:
    name = f"{index}-2026.11.24"
    server.ask("PUT", f"/{name}", {"mappings": {"properties": {"hostname": {"type": "ip"}}}})
    async with connected(server, index=index, createindextemplate=False) as output:
        with pytest.raises(PartialError) as raised:
            await output.send([alert(hostname="10.0.0.1"), alert(hostname="node-01"), alert(hostname="10.0.0.2")])
    ((place, error),) = raised.value.errors.items()
    assert place == 1
    assert isinstance(error, PermanentError)
    assert len(stored(server, name)) == 2


async def test_an_index_that_was_there_before_refuses_no_alert_for_its_fields(server: SearchServer, index: str) -> None:
    """As falcosidekick leaves it: mapped by the first alert that came, and at its limit of fields."""
    server.ask("PUT", f"/{index}", {"settings": {"index.mapping.total_fields.limit": 30}})
    server.ask("PUT", f"/{index}/_doc/1", {"output_fields": {"proc.pid": 7}})
    events = [alert({"proc.pid": "seven"}), alert({"proc.pid": 8}), alert({f"f.{n}": n for n in range(40)})]
    async with connected(server, index=index, suffix="none", createindextemplate=False) as output:
        await output.send(events)
        await output.send(events)
    found = {document.get("uuid"): document for document in stored(server, index)}
    assert len(found) == 4
    for event in events:
        kept = found[event.uuid]
        assert (json.loads(kept.get("output_fields_text", "null")) or kept["output_fields"]) == event.fields
    assert found[events[1].uuid]["output_fields"] == {"proc.pid": 8}


async def test_a_closed_index_holds_up_only_what_belongs_there(server: SearchServer, index: str) -> None:
    old, new = alert(time="2020-01-01T00:00:00Z"), alert()
    async with connected(server, index=index) as output:
        await output.send([old])
        server.ask("PUT", f"/{index}-2020.01.01/_settings", {"index.blocks.write": True})
        with pytest.raises(PartialError) as raised:
            await output.send([alert(time="2020-01-01T00:00:00Z"), new])
        assert {place: type(error) for place, error in raised.value.errors.items()} == {0: PermanentError}
        with pytest.raises(MisconfiguredError):
            await output.send([alert(time="2020-01-01T00:00:00Z")])


async def test_compression(server: SearchServer, index: str) -> None:
    async with connected(server, index=index, enablecompression=True) as output:
        await output.send([alert() for _ in range(200)])
    assert len(stored(server, f"{index}-*")) == 200


async def test_flattened_fields(server: SearchServer, index: str) -> None:
    event = recorded(INPUTS[1])
    async with connected(server, index=index, flattenfields=True) as output:
        await output.send([event])
    (document,) = stored(server, f"{index}-*", {"term": {"output_fields.proc_name": "curl"}})
    assert document["output_fields"] == {name.replace(".", "_"): value for name, value in event.fields.items()}


async def test_the_template_is_put_once_and_again_when_it_changes(server: SearchServer, index: str) -> None:
    def template() -> dict[str, Any]:
        (found,) = server.ask("GET", f"/_index_template/sidekick-{index}")["index_templates"]
        return found["index_template"]

    async with connected(server, index=index, createindextemplate=True, numberofreplicas=2):
        made = template()
    assert made["index_patterns"] == [f"{index}-*"]
    assert made["template"]["settings"]["index"] == {"number_of_shards": "1", "number_of_replicas": "2"}
    edited = made | {"priority": 7}
    server.ask("PUT", f"/_index_template/sidekick-{index}", edited)
    async with connected(server, index=index, createindextemplate=True, numberofreplicas=2):
        assert template()["priority"] == 7  # what a person edited stays
    async with connected(server, index=index, createindextemplate=True, numberofreplicas=1):
        assert template()["priority"] == 1
    server.ask("PUT", f"/_index_template/sidekick-{index}", edited | {"version": 1000})
    async with connected(server, index=index, createindextemplate=True):
        assert template()["version"] == 1000  # a newer sidekick's


async def test_shards_are_falcosidekicks_only_where_its_template_was_asked_for(server: SearchServer) -> None:
    async def shards(**settings: Any) -> str:
        index = f"test-{uuid.uuid4().hex[:12]}"
        async with connected(server, index=index, numberofshards=0, suffix="none", **settings) as output:
            await output.send([alert()])
        return server.ask("GET", f"/{index}/_settings")[index]["settings"]["index"]["number_of_shards"]

    assert await shards(createindextemplate=True) == "3"
    assert await shards() == "1"


async def test_a_template_that_is_refused_stops_only_who_insists(server: SearchServer, index: str) -> None:
    theirs = {"index_patterns": [f"{index}-*"], "priority": 1}
    server.ask("PUT", f"/_index_template/{index}-theirs", theirs)
    async with connected(server, index=index) as output:
        await output.send([alert()])
    with pytest.raises(MisconfiguredError, match="index template was refused"):
        async with connected(server, index=index, createindextemplate=True):
            pass


async def test_a_missing_pipeline_is_seen_at_once(server: SearchServer, index: str) -> None:
    with pytest.raises(MisconfiguredError, match="no ingest pipeline"):
        async with connected(server, index=index, pipeline="nosuch"):
            pass


async def test_a_pipeline_changes_drops_and_refuses(elasticsearch: search.Elasticsearch, index: str) -> None:
    steps = [
        {"drop": {"if": "ctx.rule == 'Noise'"}},
        {"fail": {"if": "ctx.rule == 'Poison'", "message": "no thanks"}},
        {"set": {"field": "seen", "value": True}},
    ]
    elasticsearch.ask("PUT", f"/_ingest/pipeline/{index}", {"processors": steps})
    async with connected(elasticsearch, index=index, pipeline=index) as output:
        with pytest.raises(PartialError) as raised:
            await output.send([alert(rule="Noise"), alert(rule="Poison"), alert()])
    assert {place: type(error) for place, error in raised.value.errors.items()} == {1: PermanentError}
    (document,) = stored(elasticsearch, f"{index}-*")
    assert document["seen"] is True


async def test_a_data_stream_keeps_each_alert_once(opensearch: search.OpenSearch, index: str) -> None:
    events = [alert() for _ in range(3)]
    async with connected(opensearch, index=index, datastream=True) as output:
        await output.send(events)
        await output.send(events)
    (stream,) = opensearch.ask("GET", f"/_data_stream/{index}")["data_streams"]
    assert stream["name"] == index
    assert {document["uuid"] for document in stored(opensearch, index)} == {event.uuid for event in events}
    assert len(stored(opensearch, index)) == 3


async def test_a_data_stream_that_a_server_has_not_is_a_wrong_setting(
    elasticsearch: search.Elasticsearch, index: str
) -> None:
    with pytest.raises(MisconfiguredError, match="index template was refused"):
        async with connected(elasticsearch, index=index, datastream=True):
            pass


async def test_a_server_killed_in_mid_stream_has_every_alert_once(
    opensearch: search.OpenSearch, index: str, tmp_path: Path
) -> None:
    output = made(opensearch, index=index, suffix="none", retry=RETRY)
    events = await through(output, tmp_path, restart(opensearch.kill, opensearch))
    found = sorted(document["uuid"] for document in opensearch.documents(index))
    assert found == sorted(event.uuid for event in events)


@pytest.mark.parametrize("kind", [search.Elasticsearch, search.OpenSearch])
async def test_an_overloaded_server_is_asked_again(kind: Callable[..., SearchServer], tmp_path: Path) -> None:
    tight = {
        "indexing_pressure.memory.limit": "100kb",
        "node.processors": 1,
        "thread_pool.write.queue_size": 1,
        "http.max_content_length": "1mb",
    }
    server = kind(tmp_path, **tight)
    await asyncio.to_thread(server.start)
    try:
        await _check_back_pressure(server)
    finally:
        await asyncio.to_thread(server.stop)


async def _check_back_pressure(server: SearchServer) -> None:
    async with connected(server, index="tight", suffix="none", createindextemplate=True, numberofshards=30) as output:
        with pytest.raises(RetryableError) as whole:
            await output.send([alert(output="x" * 1000) for _ in range(200)])
        assert type(whole.value) is RetryableError
        with pytest.raises(PermanentError, match="413"):
            await output.send([alert(output="x" * 10_000) for _ in range(200)])
        assert stored_count(server) == 0
        events = waiting = [alert() for _ in range(60)]
        pushed_back = 0
        while waiting:
            waiting = await _sent(output, waiting)
            pushed_back += len(waiting)
        assert pushed_back > 0
        assert stored_count(server) == len(events)


async def _sent(output: Elasticsearch | Opensearch, events: list[Event]) -> list[Event]:
    """Those of the events that have to be sent again."""
    try:
        await output.send(events)
    except PartialError as partial:
        return [events[place] for place, error in partial.errors.items() if isinstance(error, RetryableError)]
    return []


def stored_count(server: SearchServer) -> int:
    answer = server.ask("POST", "/tight/_refresh")
    return 0 if answer.get("status") == 404 else server.ask("GET", "/tight/_count")["count"]
