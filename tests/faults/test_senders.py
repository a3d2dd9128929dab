"""Senders and the service as a whole: whose alerts carry what, what outlives a crash, and where no token may be."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from sidekick.receiver.refused import read
from tests.deadline import until
from tests.faults.endpoint import Endpoint
from tests.faults.falco import Falco, body
from tests.faults.sidekick import Sidekick
from tests.receiver.client import exchange, request

pytestmark = pytest.mark.slow
TOKEN = "0123456789abcdef-red"


@pytest.fixture
async def endpoint() -> AsyncIterator[Endpoint]:
    async with Endpoint().listening() as endpoint:
        yield endpoint


def sender(**fields: str) -> dict[str, Any]:
    return {"senders": {"red": {"token": TOKEN, "fields": fields}}}


async def test_what_a_sender_stamps_comes_before_all_else(tmp_path: Path, endpoint: Endpoint) -> None:
    with Sidekick(
        tmp_path,
        webhook={"address": endpoint.url},
        customfields={"cluster": "of all", "region": "eu"},
        templatedfields={"place": "{{ .cluster }}/{{ .region }}"},
        bracketreplacer="_",
        receiver=sender(cluster="red", tenant_0="t"),
    ) as sidekick:
        falco = Falco(sidekick.port, f"/in/{TOKEN}")
        alert = json.loads(body(1))
        alert["output_fields"] |= {"cluster": "forged", "tenant[0]": "forged", "tenant_0": "forged"}
        assert await falco.exchange(json.dumps(alert).encode()) == 200
        await until(lambda: endpoint.bodies)
        await until(lambda: b'cluster="red"' in sidekick.get("/metrics")[1], what="the field as a label")
        await falco.close()
    fields = json.loads(endpoint.bodies[0])["output_fields"]
    assert {name: fields[name] for name in ("cluster", "tenant_0", "place", "region")} == {
        "cluster": "red",
        "tenant_0": "t",
        "place": "red/eu",
        "region": "eu",
    }


async def test_hosts_are_known_after_a_crash_and_counted(tmp_path: Path) -> None:
    known = tmp_path / "data" / "senders.json"
    with Sidekick(tmp_path, receiver=sender(), senders={"quiet": "1ms"}) as sidekick:
        falco = Falco(sidekick.port, f"/in/{TOKEN}")
        assert await falco.post(1) == 200
        await until(known.exists, what="the file of senders")
        await falco.close()
        await asyncio.to_thread(sidekick.kill)
        await asyncio.to_thread(sidekick.start)
        assert await asyncio.to_thread(sidekick.metric, "sidekick_senders") == 1
        assert await asyncio.to_thread(sidekick.metric, "sidekick_senders_quiet") == 1
        assert await falco.post(2) == 200
        await falco.close()
    (host,) = json.loads(known.read_bytes())
    assert (host["host"], host["sender"], host["count"]) == ("node-1", "red", 2)


async def test_a_token_is_told_nowhere(tmp_path: Path) -> None:
    home = tmp_path / "home"
    secret = tmp_path / "token"
    secret.write_text(TOKEN + "\n")
    senders = {"senders": {"red": {"token": f"file:{secret}"}}}
    with Sidekick(home, debug=True, receiver=senders, file={"path": str(home / "alerts")}) as sidekick:
        falco = Falco(sidekick.port, f"/in/{TOKEN}")
        assert await falco.post(1) == 200
        assert await falco.exchange(b'{"no":"alert"}') == 400
        await falco.close()
        for path in (f"/in/{TOKEN}", f"/in/{TOKEN}x", f"/?token={TOKEN}", f"/ping?token={TOKEN}", f"/in/{TOKEN} x"):
            await exchange(("127.0.0.1", sidekick.port), request("GET", path, f"Authorization: Bearer {TOKEN}"))
        falco = Falco(sidekick.port, f"/in/{TOKEN}x")
        assert await falco.post(2) == 401
        await falco.close()
        pages = [await asyncio.to_thread(sidekick.get, path) for path in ("/metrics", "/readyz")]
        await asyncio.to_thread(sidekick.end)
    assert b'reason="token unknown"' in pages[0][1]
    refused = list(read(home / "data" / "refused.jsonl"))
    assert [(entry.reason, entry.body) for entry in refused] == [
        ("rule", b'{"no":"alert"}'),
        ("token unknown", body(2)),
    ]
    told = [*(page for _, page in pages), *(file.read_bytes() for file in home.rglob("*") if file.is_file())]
    assert not [text for text in (*told, *(entry.body for entry in refused)) if TOKEN.encode() in text]


async def test_a_token_of_a_file_is_read_again(tmp_path: Path) -> None:
    secret = tmp_path / "token"
    secret.write_text(TOKEN)
    senders = {"senders": {"red": {"token": f"file:{secret}"}}}
    with Sidekick(tmp_path / "home", receiver=senders) as sidekick:
        old, new = Falco(sidekick.port, f"/in/{TOKEN}"), Falco(sidekick.port, f"/in/{TOKEN}-new")
        assert await old.post(1) == 200
        secret.write_text(f"{TOKEN}-new")
        await until(lambda: "the configuration was loaded anew" in sidekick.log)
        assert (await new.post(2), await old.post(3)) == (200, 401)
        await old.close()
        await new.close()
