"""ClickHouse: rows on a real server, of 2018; what one of today would be asked is compared as text."""

import json
import uuid
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from outputs.clickhouse import Clickhouse, ClickhouseSettings
from sidekick.event import Event
from sidekick.sdk import Answer, Context, MisconfiguredError, PermanentError, RetryableError
from sidekick.sdk.testing import always, loopback
from tests.outputs.alerts import alert, recorded
from tests.outputs.midstream import RETRY, restart, through
from tests.receivers.clickhouse import accept
from tests.services import clickhouse as service
from tests.services.clickhouse import ClickHouse as Server

INPUTS = [f"inputs/{name}.json" for name in ("a_syscall_terminal", "b_network_connect", "c_k8s_audit", "d_special")]


@pytest.fixture
def table() -> str:
    return f"test-{uuid.uuid4().hex[:12]}"


def made(server: Server, **settings: Any) -> Clickhouse:
    login = {"user": service.USER, "password": service.PASSWORD, "createtable": True}
    return Clickhouse(ClickhouseSettings.model_validate({"hostport": server.url} | login | settings), Context())


@asynccontextmanager
async def connected(server: Server, **settings: Any) -> AsyncGenerator[Clickhouse]:
    output = made(server, **settings)
    try:
        await output.connect()
        yield output
    finally:
        await output.close()


async def test_alerts_are_found_once_and_whole(clickhouse: Server, table: str) -> None:
    events = [recorded(name) for name in INPUTS] + [alert({"big": 2**70, "list": [1, {"a": "\u0000é"}]}, tags=[])]
    async with connected(clickhouse, table=table) as output:
        await output.send(events)
        await output.send(events)  # as after an answer that was lost
    rows = clickhouse.rows(f"SELECT *, toUInt32(time) AS seconds FROM `{table}` FINAL")
    found = {row.pop("uuid"): row for row in rows}
    assert len(found) == len(rows) == len(events)
    for event in events:
        row = found[event.uuid]
        assert row["seconds"] == event.timestamp_ns // 10**9, "the server's own time zone is another"
        assert json.loads(row["output_fields"]) == json.loads(event.json)["output_fields"]
        texts = {name: row[name] for name in ("hostname", "rule", "priority", "source", "tags", "output")}
        whole = {"hostname": "", "tags": []} | json.loads(event.json)
        assert texts == {name: whole[name] for name in texts}


async def test_a_table_of_ones_own_with_other_columns(clickhouse: Server, table: str) -> None:
    clickhouse.ask(f"CREATE TABLE `{table}` (rule String, hostname String, more String) ENGINE = Memory")
    async with connected(clickhouse, table=table) as output:
        await output.send([alert(rule="Mine")])
    assert clickhouse.rows(f"SELECT * FROM `{table}`") == [{"rule": "Mine", "hostname": "node-01", "more": ""}]


async def test_names_are_quoted(clickhouse: Server) -> None:
    database = "odd `name\\"
    clickhouse.ask(r"CREATE DATABASE IF NOT EXISTS `odd \`name\\`")
    async with connected(clickhouse, database=database, table="a`b") as output:
        await output.send([alert()])
    assert clickhouse.rows(r"SELECT count() AS n FROM `odd \`name\\`.`a\`b`") == [{"n": "1"}]


@pytest.mark.parametrize(
    ("settings", "error"),
    [
        ({"createtable": False, "table": "nowhere"}, "nowhere"),
        ({"createtable": False, "database": "nowhere"}, "nowhere"),
        ({"user": "nobody"}, "nobody"),
        ({"password": "wrong"}, "password"),
        ({"user": "reader", "password": ""}, "readonly"),
    ],
)
async def test_what_a_person_has_to_mend_keeps_the_alerts(
    settings: dict[str, Any], error: str, clickhouse: Server, table: str
) -> None:
    with pytest.raises(MisconfiguredError, match=error):
        async with connected(clickhouse, **{"table": table} | settings) as output:
            await output.send([alert()])


async def test_a_row_that_the_table_cannot_take_is_refused(clickhouse: Server, table: str) -> None:
    clickhouse.ask(f"CREATE TABLE `{table}` (rule UInt8) ENGINE = Memory")
    async with connected(clickhouse, table=table) as output:
        with pytest.raises(PermanentError):
            await output.send([alert(rule="text")])


async def test_a_server_killed_twice_in_mid_stream_has_every_alert_once(
    clickhouse: Server, table: str, tmp_path: Path
) -> None:
    output = made(clickhouse, table=table, retry=RETRY, batch={"linger": "50ms"})
    events = await through(output, tmp_path, *[restart(clickhouse.kill, clickhouse)] * 2)
    rows = clickhouse.rows(f"SELECT toString(uuid) AS id FROM `{table}` FINAL")
    assert sorted(row["id"] for row in rows) == sorted(event.uuid for event in events)


async def test_a_server_of_today_gets_times_to_the_nanosecond() -> None:
    async with loopback(accept) as server:
        output = Clickhouse(ClickhouseSettings(hostport=server.url, createtable=True), Context())
        await output.connect()
        await output.close()
        _, (request, _) = server.requests
    assert b"CREATE TABLE IF NOT EXISTS `default`.`falco`" in request.body
    assert b"time DateTime64(9, 'UTC')" in request.body
    assert b"ReplacingMergeTree PARTITION BY toYYYYMM(time) ORDER BY (time, uuid)" in request.body


@pytest.mark.parametrize(("version", "kind"), [("19.17.9.60", "DateTime('UTC')"), ("20.1.2.4", "DateTime64(9, 'UTC')")])
async def test_times_are_as_exact_as_the_server_s_version_can_have_them(version: str, kind: str) -> None:
    async with loopback(always(Answer(200, {}, version.encode()))) as server:
        output = Clickhouse(ClickhouseSettings(hostport=server.url, createtable=True), Context())
        await output.connect()
        await output.close()
        _, (request, _) = server.requests
    assert f" time {kind}," in request.body.decode()


async def test_what_is_no_clickhouse_is_told() -> None:
    async with loopback() as server:
        output = Clickhouse(ClickhouseSettings(hostport=server.url, createtable=True), Context())
        with pytest.raises(MisconfiguredError, match="no ClickHouse"):
            await output.connect()
        await output.close()


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (500, b"Code: 27. DB::Exception: Cannot parse input", PermanentError),
        (500, b"Code: 164. DB::Exception: Cannot execute query in readonly mode", MisconfiguredError),
        (500, b"Code: 117. DB::Exception: Unknown field found while parsing JSONEachRow format", PermanentError),
        (500, b"Code: 516. DB::Exception: falco: Authentication failed", MisconfiguredError),
        (500, b"Code: 241. DB::Exception: Memory limit exceeded", RetryableError),
        (500, b"Code: 252. DB::Exception: Too many parts", RetryableError),
        (404, b"Code: 60. DB::Exception: Unknown table", MisconfiguredError),
    ],
)
def test_an_error_is_known_by_its_number(status: int, body: bytes, error: type[Exception]) -> None:
    output = Clickhouse(ClickhouseSettings(hostport="http://clickhouse:8123"), Context())
    events: list[Event] = [alert()]
    with pytest.raises(error) as met:
        output.read_answer(Answer(status, {}, body), events)
    assert type(met.value) is error
