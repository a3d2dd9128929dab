"""TimescaleDB's output on a real PostgreSQL: rows, tables of every make, refusals, TLS, and a crash in mid-stream."""

import asyncio
import json
import random
import uuid
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from outputs.timescaledb import Timescaledb, TimescaledbSettings
from sidekick.app import context, enrichment
from sidekick.sdk import Context, MisconfiguredError, PermanentError, RetryableError
from sidekick.settings import load
from tests.outputs.alerts import alert
from tests.outputs.connected import connected
from tests.outputs.midstream import RETRY, restart, through
from tests.outputs.sessions import event_of, name_of, session
from tests.receivers.timescaledb import COLUMNS
from tests.services.postgresql import PostgreSQL

RECORDING = session("timescaledb")
CAPTURES = [capture for capture in RECORDING["captures"] if capture["variant"] != "hypertable_name"]


@pytest.fixture
def table() -> str:
    return f"test_{uuid.uuid4().hex}"


def made(server: PostgreSQL, table: str, lent: Context | None = None, **settings: Any) -> Timescaledb:
    ours = {**server.settings, "hypertablename": table, **settings}
    return Timescaledb(TimescaledbSettings.model_validate(ours), lent or Context())


@pytest.mark.parametrize("capture", CAPTURES, ids=name_of)
async def test_a_row_is_falcosidekicks(
    capture: dict[str, Any], postgresql: PostgreSQL, table: str, tmp_path: Path
) -> None:
    """But that double quotes in a custom field's value stay, and that a custom field with a dot is there."""
    path = tmp_path / "config.yaml"
    path.write_text(json.dumps(RECORDING["configs"][capture["variant"]]))
    configuration = load(path, {})
    lent = context(configuration)
    more = "".join(f', "{name.lower()}" text' for name in lent.custom_fields)
    await postgresql.run(f"CREATE TABLE {table} ({COLUMNS}{more})")
    async with connected(made(postgresql, table, lent)) as output:
        await output.send([enrichment(configuration)(event_of(capture))])
    (row,) = await postgresql.run(
        f"SELECT *, to_char(time AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US') at FROM {table}"
    )
    found = dict(row)
    at, theirs = found.pop("at"), capture["body"]
    del found["time"]
    if "test_endpoint" not in capture["input"]:
        assert at == theirs["time"].removesuffix("+00").ljust(20, ".").ljust(26, "0")[:26]
    expected = dict.fromkeys(found) | {name: value for name, value in theirs.items() if name != "time"}
    expected |= {"akey": 'A"Value"'} if "akey" in found else {}
    expected |= {"env.name": "prod"} if "env.name" in found else {}
    assert found == expected


async def test_a_batch_is_stored_once_by_its_ids(postgresql: PostgreSQL, table: str) -> None:
    await postgresql.run(f"CREATE TABLE {table} ({COLUMNS}, uuid uuid, UNIQUE (uuid, time))")
    events = [alert({"number": number}) for number in range(500)]
    async with connected(made(postgresql, table)) as output:
        await output.send(events)
        await output.send([*events[:10], alert()])
    assert (await postgresql.run(f"SELECT count(*) FROM {table}"))[0]["count"] == 501


@pytest.mark.parametrize(
    "columns",
    [
        COLUMNS,
        f"{COLUMNS}, uuid text PRIMARY KEY",
        f"id bigserial PRIMARY KEY, {COLUMNS}, note text DEFAULT 'none', uuid varchar(36)",
        COLUMNS.replace("output text", "output varchar(200)").replace("priority text", "priority varchar(20)"),
    ],
    ids=["without", "text", "more", "varchar"],
)
async def test_tables_of_every_make(columns: str, postgresql: PostgreSQL, table: str) -> None:
    name = f'public."{table}-É ""x"""'
    await postgresql.run(f"CREATE TABLE {name} ({columns})")
    async with connected(made(postgresql, name)) as output:
        await output.send([alert(), alert(time="9999-12-31T23:59:59-12:00")])
    assert len(await postgresql.run(f"SELECT 1 FROM {name}")) == 2


async def test_whose_fault_a_refusal_is(postgresql: PostgreSQL, table: str) -> None:
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"password": "wrong-secret"}, "password authentication failed"),
        ({"database": "nowhere"}, "does not exist"),
        ({}, "does not exist"),
    ]
    for settings, words in wrong:
        with pytest.raises(MisconfiguredError, match=words) as raised:
            async with connected(made(postgresql, table, **settings)):
                pass
        assert "wrong-secret" not in str(raised.value)
    await postgresql.run(f"CREATE TABLE {table} ({COLUMNS.replace('tags text', 'tags varchar(3)')})")
    with pytest.raises(MisconfiguredError, match="no column akey, the"):
        async with connected(made(postgresql, table, Context(custom_fields=("Akey", "the.key")))):
            pass
    async with connected(made(postgresql, table)) as output:
        with pytest.raises(PermanentError, match="too long"):
            await output.send([alert(tags=["abcd"])])
        await output.send([alert(tags=["abc"])])
    await postgresql.run(f"ALTER TABLE {table} ADD UNIQUE (time)")
    async with connected(made(postgresql, table)) as output:
        with pytest.raises(PermanentError, match="duplicate key"):
            await output.send([alert(tags=["abc"])])


async def test_a_field_that_can_have_no_column_of_its_own_is_named(postgresql: PostgreSQL, table: str) -> None:
    """PostgreSQL has cut the longer name where the table was made by it, so the shorter one is right for that table."""
    long = "é" * 40
    await postgresql.run(f'CREATE TABLE {table} ({COLUMNS}, "{long}" text, akey text, uuid uuid)')
    for fields, words in (
        ((long,), f"'{long}': .* 63 bytes at most, such as '{long[:31]}'"),
        (("Akey", "akey"), "'akey': .* other name"),
        (("Rule",), "'Rule': .* other name"),
        (("uuid",), "'uuid': .* other name"),
    ):
        with pytest.raises(MisconfiguredError, match=f"customfields or templatedfields {words}"):
            async with connected(made(postgresql, table, Context(custom_fields=fields))):
                pass
    async with connected(made(postgresql, table, Context(custom_fields=(long[:31], "Akey")))) as output:
        await output.send([alert({"Akey": "value", long[:31]: "another"})])
    (row,) = await postgresql.run(f"SELECT * FROM {table}")
    assert (row["akey"], row[long[:31]]) == ("value", "another")


async def test_what_is_too_long_for_an_index_does_not_hold_up_the_others(postgresql: PostgreSQL, table: str) -> None:
    await postgresql.run(f"CREATE TABLE {table} ({COLUMNS})")
    await postgresql.run(f"CREATE INDEX ON {table} (output)")
    async with connected(made(postgresql, table)) as output:
        with pytest.raises(PermanentError, match="index row"):
            await output.send([alert(output=random.Random(0).randbytes(20_000).hex())])
        await output.send([alert()])


async def test_a_column_that_goes_is_noticed(postgresql: PostgreSQL, table: str) -> None:
    await postgresql.run(f"CREATE TABLE {table} ({COLUMNS})")
    async with connected(made(postgresql, table)) as output:
        await output.send([alert()])
        await postgresql.run(f"ALTER TABLE {table} RENAME COLUMN tags TO labels")
        with pytest.raises(RetryableError):
            await output.send([alert()])
        await postgresql.run(f"ALTER TABLE {table} RENAME COLUMN labels TO tags")
        await output.close()
        await output.send([alert()])


async def test_tls_is_for_whom_we_trust_alone(postgresql: PostgreSQL, table: str) -> None:
    await postgresql.run(f"CREATE TABLE {table} ({COLUMNS})")
    trusting = postgresql.certificates.context
    for lent, settings in ((trusting, {"tls": True}), (None, {"tls": True, "checkcert": False}), (None, {})):
        async with connected(made(postgresql, table, lent, **settings)) as output:
            await output.send([alert()])
    with pytest.raises(MisconfiguredError, match="certificate"):
        async with connected(made(postgresql, table, tls=True)):
            pass
    lost = replace(trusting, tls=replace(trusting.tls, certfile="/nowhere"))
    with pytest.raises(MisconfiguredError, match="/nowhere"):
        async with connected(made(postgresql, table, lost, mutualtls=True)):
            pass


async def test_a_server_that_hangs_is_given_up_in_time(postgresql: PostgreSQL, table: str) -> None:
    await postgresql.run(f"CREATE TABLE {table} ({COLUMNS})")
    async with connected(made(postgresql, table)) as output:
        async with postgresql.connection() as other, other.transaction():
            await other.execute(f"LOCK TABLE {table}")
            with pytest.raises(TimeoutError):  # as the engine limits each try
                await asyncio.wait_for(output.send([alert()]), 0.5)
            await asyncio.wait_for(output.close(), 3)
        await output.send([alert()])
    assert (await postgresql.run(f"SELECT count(*) FROM {table}"))[0]["count"] == 1


async def test_a_server_that_crashed_and_restarted_in_mid_stream_has_every_alert_once(
    postgresql: PostgreSQL, table: str, tmp_path: Path
) -> None:
    await postgresql.run(f"CREATE TABLE {table} ({COLUMNS}, uuid uuid PRIMARY KEY)")
    output = made(postgresql, table, retry=RETRY, batch={"count": 20})
    crash, stop = restart(postgresql.kill, postgresql), restart(postgresql.stop, postgresql)
    events = await through(output, tmp_path, crash, stop)
    found = [str(row["uuid"]) for row in await postgresql.run(f"SELECT uuid FROM {table}")]
    assert sorted(found) == sorted(event.uuid for event in events)
