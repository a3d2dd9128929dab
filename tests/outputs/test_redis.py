"""Redis: the list, the hash, its logins and its TLS on a real server, through its death in mid-stream."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis as Client

from outputs.redis import Redis, RedisSettings
from sidekick.sdk import Context, MisconfiguredError, RetryableError
from tests.outputs.alerts import alert
from tests.outputs.connected import connected
from tests.outputs.midstream import RETRY, restart, through
from tests.outputs.sessions import alert_text, event_of, name_of, session
from tests.services.redis import Redis as Server

RECORDING = session("redis")


@pytest.fixture
async def client(redis: Server) -> AsyncIterator[Client]:
    async with Client.from_url(redis.url) as client:
        yield client


@pytest.fixture
def key() -> str:
    return f"test-{uuid.uuid4()}"


def made(address: str, context: Context | None = None, **settings: Any) -> Redis:
    return Redis(RedisSettings.model_validate({"address": address, **settings}), context or Context())


@pytest.mark.parametrize("capture", RECORDING["captures"], ids=name_of)
async def test_what_is_stored_is_falcosidekicks(capture: dict[str, Any], redis: Server, client: Client) -> None:
    settings = RECORDING["configs"][capture["variant"]]["redis"] | {"database": 0}
    await client.acl_setuser("fakeuser", enabled=True, passwords=["+fakepass"], keys=["*"], commands=["+@all"])
    event, key = event_of(capture), capture["command"][1]
    await client.delete(key)
    async with connected(made(**settings | {"address": redis.address})) as output:
        await output.send([event])
    if capture["command"][0] == "rpush":
        stored: Any = (await client.lrange(key, 0, -1))[0]
    else:
        stored = await client.hget(key, event.uuid)
    assert alert_text(stored.decode()) == alert_text(capture["body_raw"])


async def test_a_database_of_its_own(redis: Server, client: Client, key: str) -> None:
    async with connected(made(redis.address, key=key, database=3)) as output:
        await output.send([alert()])
    assert await client.exists(key) == 0
    async with Client.from_url(f"{redis.url}/3") as other:
        assert await other.llen(key) == 1


@pytest.mark.parametrize("storage", ["list", "hashmap"])
async def test_a_server_killed_and_stopped_in_mid_stream_has_every_alert(
    storage: str, redis: Server, client: Client, key: str, tmp_path: Path
) -> None:
    output = made(redis.address, storagetype=storage, key=key, retry=RETRY, batch={"count": 10}, timeout="5s")
    events = await through(output, tmp_path, restart(redis.kill, redis), restart(redis.stop, redis))
    if storage == "list":
        assert set(await client.lrange(key, 0, -1)) == {event.json for event in events}
    else:
        assert await client.hgetall(key) == {event.uuid.encode(): event.json for event in events}


@pytest.mark.parametrize("mutual", [False, True], ids=["tls", "mutual"])
async def test_tls_with_the_outputs_own_files(mutual: bool, redis: Server, client: Client, key: str) -> None:
    files = redis.certificates
    settings: dict[str, Any] = {"tls": True, "cacertfile": str(files.authority), "key": key}
    if mutual:
        settings |= {"mutualtls": True, "certfile": str(files.client), "keyfile": str(files.client_key)}
    async with connected(made(f"localhost:{redis.secure}", **settings)) as output:
        await output.send([alert()])
    assert await client.llen(key) == 1


async def test_tls_is_for_whom_we_trust_alone(redis: Server) -> None:
    with pytest.raises(MisconfiguredError, match="certificate"):
        async with connected(made(f"localhost:{redis.secure}", tls=True)):
            pass
    with pytest.raises(MisconfiguredError, match="nowhere"):
        async with connected(made(f"localhost:{redis.secure}", tls=True, cacertfile="/nowhere")):
            pass
    async with connected(made(f"localhost:{redis.secure}", tls=True, checkcert=False)) as output:
        await output.send([alert()])


async def test_whose_fault_a_refusal_is(redis: Server, client: Client, key: str) -> None:
    with pytest.raises(MisconfiguredError, match="login") as raised:
        async with connected(made(redis.address, username="nobody", password="wrong-secret")):
            pass
    assert "wrong-secret" not in str(raised.value)
    await client.set(key, "no list")
    async with connected(made(redis.address, key=key)) as output:
        with pytest.raises(MisconfiguredError, match="WRONGTYPE"):
            await output.send([alert()])
    await client.delete(key)
    await client.config_set("maxmemory", 1)
    try:
        async with connected(made(redis.address, key=key)) as output:
            with pytest.raises(RetryableError) as full:
                await output.send([alert()])
    finally:
        await client.config_set("maxmemory", 0)
    assert not isinstance(full.value, MisconfiguredError)


async def test_a_server_that_hangs_is_given_up_in_time(redis: Server, key: str) -> None:
    async with connected(made(redis.address, key=key, timeout="300ms")) as output:
        redis.pause()
        try:
            with pytest.raises(RetryableError):
                await asyncio.wait_for(output.send([alert()]), 3)
        finally:
            redis.resume()
