"""A configuration that changes while the service runs: taken whole or not at all, and no alert pays for it."""

import asyncio
import os
import signal
import socket
import ssl
from collections.abc import AsyncIterator
from itertools import count
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import trustme
from aiohttp import web

from tests.deadline import until
from tests.faults.endpoint import Endpoint
from tests.faults.falco import Falco
from tests.faults.sidekick import Sidekick
from tests.services.server import free_ports

pytestmark = pytest.mark.slow
TAKEN = "the configuration was loaded anew"
REFUSED = "the old one goes on"


@pytest.fixture
async def endpoint() -> AsyncIterator[Endpoint]:
    async with Endpoint().listening() as endpoint:
        yield endpoint


@pytest.fixture
async def other() -> AsyncIterator[Endpoint]:
    async with Endpoint().listening() as endpoint:
        yield endpoint


async def come(sidekick: Sidekick, said: str, times: int = 1) -> None:
    """Waits until the log has said that so often."""
    await until(lambda: sidekick.log.count(said) == times, within=30, what=f"{times} × {said!r} in\n{sidekick.log}")


async def hang_up(sidekick: Sidekick, said: str) -> None:
    """SIGHUP, and until it has been answered."""
    times = sidekick.log.count(said) + 1
    os.kill(sidekick.pid, signal.SIGHUP)
    await come(sidekick, said, times)


async def test_ten_changes_under_load_lose_nothing_and_send_nothing_twice(tmp_path: Path, endpoint: Endpoint) -> None:
    def settings(n: int) -> dict[str, Any]:
        return {
            "watch": False,
            "customtags": [f"round-{n}"],
            "webhook": {"address": endpoint.url, "customheaders": {"X-Round": str(n)}, "maxconcurrentrequests": 4},
        }

    with Sidekick(tmp_path, **settings(0)) as sidekick:
        falcos, numbers = [Falco(sidekick.port) for _ in range(4)], count()
        ended = False

        async def post(falco: Falco) -> None:
            while not ended:
                await falco.post(next(numbers))

        load = [asyncio.create_task(post(falco)) for falco in falcos]
        for n in range(1, 11):
            sidekick.configure(**settings(n))
            await hang_up(sidekick, TAKEN)
        ended = True
        await asyncio.gather(*load)
        accepted = set[int]().union(*(falco.accepted for falco in falcos))
        await until(lambda: accepted <= endpoint.times.keys(), what="all that was accepted")
        for falco in falcos:
            assert set(falco.statuses) == {200}, "no connection was closed, and no alert refused"
            await falco.close()
    assert set(endpoint.times.values()) == {1}
    assert b"round-10" in endpoint.bodies[-1]


async def test_a_change_of_the_file_is_seen_and_a_mistake_in_it_changes_nothing(
    tmp_path: Path, endpoint: Endpoint, other: Endpoint
) -> None:
    with Sidekick(tmp_path, webhook={"address": endpoint.url}) as sidekick:
        falco = Falco(sidekick.port)
        sidekick.configure(webhook={"adress": other.url})
        await come(sidekick, REFUSED)
        assert "webhook.adress: unknown key; did you mean" in sidekick.log
        assert b"webhook.adress" in (await asyncio.to_thread(sidekick.get, "/readyz"))[1]
        assert sidekick.metric("sidekick_configuration_stale") == 1
        assert await falco.post(1) == 200
        await until(lambda: endpoint.times[1] == 1)
        sidekick.configuration.unlink()
        await come(sidekick, REFUSED, 2)

        sidekick.configure(webhook={"address": other.url})
        await come(sidekick, TAKEN)
        assert b"webhook.adress" not in (await asyncio.to_thread(sidekick.get, "/readyz"))[1]
        assert sidekick.metric("sidekick_configuration_stale") == 0
        assert await falco.post(2) == 200
        await until(lambda: other.times[2] == 1)
        await falco.close()
    assert not endpoint.times[2]


async def test_a_secret_in_a_file_of_its_own_is_read_again(tmp_path: Path, endpoint: Endpoint, other: Endpoint) -> None:
    secret = tmp_path / "secret"
    secret.write_text(endpoint.url)
    with Sidekick(tmp_path, slack={"webhookurl": f"file:{secret}"}) as sidekick:
        falco = Falco(sidekick.port)
        assert await falco.post(1) == 200
        await until(lambda: len(endpoint.bodies) == 1)
        secret.write_text(other.url)
        await come(sidekick, TAKEN)
        assert await falco.post(2) == 200
        await until(lambda: len(other.bodies) == 1)
        await falco.close()
    assert len(endpoint.bodies) == 1


async def test_outputs_come_and_go_and_the_others_do_not_notice(
    tmp_path: Path, endpoint: Endpoint, other: Endpoint
) -> None:
    webhook = {"address": endpoint.url}
    ops = {"webhookurl": other.url}
    with Sidekick(tmp_path, watch=False, webhook=webhook) as sidekick:
        falco = Falco(sidekick.port)
        assert await falco.post(1) == 200
        sidekick.configure(watch=False, webhook=webhook, slack={"ops": ops, "ops.filter": "proc.pid = 17497"})
        await hang_up(sidekick, REFUSED)
        sidekick.configure(watch=False, webhook=webhook, **{"slack.ops": ops})
        await hang_up(sidekick, TAKEN)
        assert await falco.post(2) == 200
        await until(lambda: len(other.bodies) == 1)
        sidekick.configure(watch=False, webhook=webhook, silences=[silence()])
        await hang_up(sidekick, TAKEN)
        assert await falco.post(3) == 200
        await until(lambda: set(endpoint.times) == {1, 2})
        counted = {"output": "webhook", "outcome": "silenced"}
        await until(lambda: sidekick.metric("sidekick_output_events_total", **counted) == 1)
        await falco.close()
    assert len(other.bodies) == 1
    assert "slack.ops is no longer configured" in sidekick.log


async def test_outputs_that_cannot_begin_are_all_told_stop_no_other_and_begin_with_the_next_change(
    tmp_path: Path, endpoint: Endpoint, other: Endpoint
) -> None:
    with Sidekick(tmp_path, webhook={"address": other.url}) as sidekick:
        in_the_way = [tmp_path / "journal" / f"{name}.cursor" for name in ("slack", "discord")]
        for place in in_the_way:
            place.mkdir()
        outputs = {"webhook": {"address": endpoint.url}} | {
            name: {"webhookurl": other.url} for name in ("slack", "discord")
        }
        sidekick.configure(**outputs)
        await come(sidekick, "taken, but for outputs that cannot begin")
        readiness = (await asyncio.to_thread(sidekick.get, "/readyz"))[1].decode()
        for place in in_the_way:
            told = f"{place.stem}: [Errno 21] Is a directory: '{place}'"
            assert told in sidekick.log
            assert told in readiness
        falco = Falco(sidekick.port)
        assert await falco.post(1) == 200
        await until(lambda: endpoint.times[1] == 1)
        for place in in_the_way:
            place.rmdir()
        sidekick.configure(**outputs, customtags=["again"])
        await come(sidekick, TAKEN)
        assert await falco.post(2) == 200
        await until(lambda: len(other.bodies) == 2 and endpoint.times[2] == 1)
        assert b"cannot begin" not in (await asyncio.to_thread(sidekick.get, "/readyz"))[1]
        await falco.close()


async def test_a_replay_ends_where_its_output_becomes_another(
    tmp_path: Path, endpoint: Endpoint, other: Endpoint
) -> None:
    api = {"enabled": True, "port": free_ports(1)}
    with Sidekick(tmp_path, watch=False, api=api, webhook={"address": endpoint.url}) as sidekick:
        falco = Falco(sidekick.port)
        assert await falco.post(1) == 200
        await until(lambda: endpoint.times[1] == 1)
        tried = asyncio.Event()

        async def be_away(body: bytes) -> web.Response:
            tried.set()
            return web.Response(status=503)

        endpoint.behaviour = be_away
        async with aiohttp.ClientSession(f"http://127.0.0.1:{api['port']}") as session:
            replay = session.post("/api/outputs/webhook/replay", json={"since": "2h"})
            asked = asyncio.create_task(answer(replay))
            await tried.wait()
            sidekick.configure(watch=False, api=api, webhook={"address": other.url})
            await hang_up(sidekick, TAKEN)
            assert "stopped: HTTP 503" in await asked
        await falco.close()


async def answer(request: Any) -> str:
    async with request as response:
        return await response.text()


def silence() -> dict[str, str]:
    return {"filter": "rule contains sensitive", "until": "2100-01-01", "author": "a", "reason": "r"}


async def test_another_port_is_listened_on_and_who_is_connected_stays(tmp_path: Path, endpoint: Endpoint) -> None:
    with Sidekick(tmp_path, watch=False, webhook={"address": endpoint.url}) as sidekick:
        old, former = sidekick.port, Falco(sidekick.port)
        assert await former.post(1) == 200
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            sidekick.configure(watch=False, webhook={"address": endpoint.url}, listenport=port)
            await hang_up(sidekick, REFUSED)
            assert f"cannot listen on 127.0.0.1:{port}" in sidekick.log
        assert await former.post(2) == 200
        os.kill(sidekick.pid, signal.SIGHUP)
        await come(sidekick, TAKEN)
        sidekick.port = port
        latter = Falco(sidekick.port)
        assert (await latter.post(3), await former.post(4)) == (200, 200)
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", old)
        await until(lambda: set(endpoint.times) == {1, 2, 3, 4})
        await latter.close()
        await former.close()


async def test_a_new_certificate_is_shown_to_who_connects(tmp_path: Path) -> None:
    authority = trustme.CA()
    client = ssl.create_default_context()
    authority.configure_trust(client)

    def write() -> None:
        certificate = authority.issue_cert("localhost")
        certificate.cert_chain_pems[0].write_to_path(tmp_path / "server.crt")
        certificate.private_key_pem.write_to_path(tmp_path / "server.key")

    async def shown() -> bytes:
        _, writer = await asyncio.open_connection("127.0.0.1", sidekick.port, ssl=client, server_hostname="localhost")
        found = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        writer.close()
        await writer.wait_closed()
        return found

    write()
    files = {"certfile": str(tmp_path / "server.crt"), "keyfile": str(tmp_path / "server.key")}
    plain = {"notlsport": 0, "notlspaths": "/ping,/metrics"}
    sidekick = Secured(tmp_path, tlsserver={"deploy": True} | files | plain)
    with sidekick:
        before = await shown()
        (tmp_path / "server.key").write_text("no key")
        await come(sidekick, "the old one goes on: cannot use tlsserver.certfile")
        assert await shown() == before
        write()
        await come(sidekick, TAKEN)
        second = await shown()
        assert second != before

        # Renewed while the configuration is out of order: nobody would say again that it has changed.
        sidekick.configure(tlsserver={"deploy": True} | files | plain, adress="")
        await come(sidekick, "adress: unknown key")
        write()
        await come(sidekick, "adress: unknown key", 2)
        sidekick.configure(tlsserver={"deploy": True} | files | plain)
        await come(sidekick, TAKEN, 2)
        assert await shown() != second


class Secured(Sidekick):
    """One that speaks TLS."""

    def answers(self) -> bool:
        with socket.create_connection(("127.0.0.1", self.port), timeout=1):
            return True
