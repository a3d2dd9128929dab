"""How the Elasticsearch output gets ready, towards answers recorded from 7.10.2, 8.19, 9.5 and OpenSearch 3.8."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from outputs.elasticsearch import Elasticsearch, ElasticsearchSettings
from sidekick.sdk import Answer, Context, MisconfiguredError, Request, RetryableError
from sidekick.sdk.testing import Fault, Loopback, Script, loopback
from sidekick.sdk.tls import ClientTls
from tests.outputs.alerts import DATA, alert
from tests.services import front
from tests.services.front import Front
from tests.services.search import Elasticsearch as Server

SERVERS = ["es-7.10.2", "opensearch-3.8", "es-8.19", "es-9.5"]
TYPES = {"opensearch-3.8": "flat_object", "es-8.19": "flattened", "es-9.5": "flattened"}
TEMPLATE = "/_index_template/sidekick-falco"


def recorded(server: str, name: str) -> Answer:
    entries = json.loads((DATA / "answers" / f"{server}.json").read_text())
    (found,) = [entry for entry in entries if entry["name"] == name]
    headers = {key: value for key, value in found["headers"].items() if isinstance(value, str)}
    return Answer(found["status"], headers, found["body"].encode())


def plays(answers: Mapping[str, Answer | Fault]) -> Script:
    """A server that knows these requests, `METHOD /path` each."""
    return lambda request: answers[f"{request.method} {request.url}"]


def new_server(server: str) -> dict[str, Answer | Fault]:
    return {
        "GET /": recorded(server, "root"),
        f"GET {TEMPLATE}": recorded(server, "template get missing"),
        f"PUT {TEMPLATE}": recorded(server, "template put ok"),
    }


async def connect(server: Loopback, **settings: Any) -> Elasticsearch:
    output = Elasticsearch(ElasticsearchSettings(hostport=server.url, **settings), Context())
    try:
        await output.connect()
    finally:
        await output.close()
    return output


def sent(server: Loopback) -> list[tuple[str, Request]]:
    return [(f"{request.method} {request.url}", request) for request, _ in server.requests]


@pytest.mark.parametrize("name", SERVERS)
async def test_a_new_server_gets_the_template_that_it_understands(name: str) -> None:
    async with loopback(plays(new_server(name))) as server:
        await connect(server)
    assert [what for what, _ in sent(server)] == ["GET /", f"GET {TEMPLATE}", f"PUT {TEMPLATE}"]
    body = json.loads(server.requests[-1][0].body)
    assert body["index_patterns"] == ["falco-*"]
    assert body["version"] >= 1
    assert body["template"]["settings"] == {}
    fields = body["template"]["mappings"]["properties"]["output_fields"]
    assert fields.get("type") == TYPES.get(name)
    assert (fields.get("dynamic") is False) == (name == "es-7.10.2")


@pytest.mark.parametrize("name", SERVERS)
async def test_the_template_in_place_is_not_put_again(name: str) -> None:
    async with loopback(plays(new_server(name))) as server:
        await connect(server, createindextemplate=True)
        put = json.loads(server.requests[-1][0].body)
        shown = {"index_templates": [{"name": "sidekick-falco", "index_template": put}]}
        server.script = plays(new_server(name) | {f"GET {TEMPLATE}": Answer(200, {}, json.dumps(shown).encode())})
        server.requests.clear()
        await connect(server, createindextemplate=True)
        assert [what for what, _ in sent(server)] == ["GET /", f"GET {TEMPLATE}"]
        server.script = plays(new_server(name) | {f"GET {TEMPLATE}": recorded(name, "template get")})
        await connect(server, createindextemplate=True)  # somebody else's of that name
        assert [what for what, _ in sent(server)][-1] == f"PUT {TEMPLATE}"


async def test_no_template_is_touched_where_the_user_says_so() -> None:
    async with loopback(plays({})) as server:
        await connect(server, createindextemplate=False)
    assert server.requests == []


@pytest.mark.parametrize("name", SERVERS)
@pytest.mark.parametrize("refusal", ["template put unknown type", "template put same pattern and priority"])
async def test_a_refused_template_stops_only_who_insists(name: str, refusal: str) -> None:
    answers = new_server(name) | {f"PUT {TEMPLATE}": recorded(name, refusal)}
    async with loopback(plays(answers)) as server:
        await connect(server)
        with pytest.raises(MisconfiguredError, match="index template was refused"):
            await connect(server, createindextemplate=True)


async def test_a_key_that_may_only_write_alerts_is_enough() -> None:
    answers = {
        "GET /": recorded("es-8.19", "root"),
        f"GET {TEMPLATE}": recorded("es-8.19", "security: template get missing with that API key"),
        f"PUT {TEMPLATE}": recorded("es-8.19", "security: template put with that API key"),
    }
    async with loopback(plays(answers)) as server:
        await connect(server, apikey="aWQ6a2V5")
    assert {request.headers["authorization"] for request, _ in server.requests} == {"ApiKey aWQ6a2V5"}


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (recorded("es-8.19", "security: root, no credentials"), MisconfiguredError),
        (recorded("es-8.19", "security: root, wrong password"), MisconfiguredError),
        (Answer(503, {}, b"starting"), RetryableError),
        (Answer(429, {"retry-after": "3"}, b""), RetryableError),
        (Fault.CUT, RetryableError),
    ],
    ids=["no-credentials", "wrong-password", "503", "429", "cut"],
)
async def test_a_server_that_is_not_ready_or_refuses_the_login(
    answer: Answer | Fault, error: type[RetryableError]
) -> None:
    async with loopback(plays({"GET /": answer})) as server:
        with pytest.raises(error) as raised:
            await connect(server, username="sidekick", password="hunter2")
    assert type(raised.value) is error
    assert "hunter2" not in str(raised.value)


async def test_a_server_that_only_speaks_bulk_is_served_without_a_template() -> None:
    page = Answer(200, {"content-type": "text/html"}, b"<html>a user interface</html>")
    async with loopback(plays({"GET /": page})) as server:
        await connect(server)
    assert [what for what, _ in sent(server)] == ["GET /"]


async def test_a_password_over_tls_with_an_own_authority(elasticsearch: Server, elasticsearch_front: Front) -> None:
    tls = ClientTls(cafile=str(elasticsearch_front.authority))
    login = {"username": front.USER, "password": front.PASSWORD}
    settings = {"hostport": elasticsearch_front.url, "index": "behind-tls", "enablecompression": True}

    async def send(files: ClientTls, **changes: Any) -> None:
        output = Elasticsearch(ElasticsearchSettings(**settings | login | changes), Context(tls=files))
        try:
            await output.connect()
            await output.send([event])
        finally:
            await output.close()

    event = alert()
    await send(tls)
    assert [document["uuid"] for document in elasticsearch.documents("behind-tls-*")] == [event.uuid]
    with pytest.raises(MisconfiguredError, match="401"):
        await send(tls, password="wrong")
    with pytest.raises(MisconfiguredError, match="TLS"):
        await send(ClientTls())
    await send(ClientTls(), checkcert=False)
