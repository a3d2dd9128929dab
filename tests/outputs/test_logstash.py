"""Logstash: falcosidekick's lines, by TLS and without, and a server that goes away."""

import asyncio
import ssl
from pathlib import Path
from typing import Any

import pytest

from outputs.logstash import Logstash, LogstashSettings
from sidekick.sdk import Context, MisconfiguredError, RetryableError
from tests.deadline import until
from tests.outputs.alerts import alert
from tests.outputs.connected import connected
from tests.outputs.midstream import RETRY, through
from tests.outputs.sessions import alert_text, event_of, name_of, session
from tests.receivers.logstash import Input
from tests.services.certificates import Certificates

RECORDING = session("logstash")


def made(port: int, context: Context | None = None, **settings: Any) -> Logstash:
    chosen = LogstashSettings.model_validate({"address": "localhost", "port": port, **settings})
    return Logstash(chosen, context or Context())


@pytest.mark.parametrize("capture", RECORDING["captures"], ids=name_of)
def test_a_line_is_falcosidekicks(capture: dict[str, Any]) -> None:
    settings = LogstashSettings.model_validate(RECORDING["configs"][capture["variant"]]["logstash"])
    line = Logstash(settings, Context()).encode(event_of(capture)).decode()
    assert line.endswith("\r\n")
    assert alert_text(line) == alert_text(capture["body"])


def test_indexes_are_dotted_at_every_depth() -> None:
    line = made(1).encode(alert({"a[0]": {"b[12].c": [{"d[1]": "[3]"}]}}))
    assert b'"output_fields":{"a.0":{"b.12.c":[{"d.1":"[3]"}]}}' in line


@pytest.mark.parametrize("mutual", [False, True], ids=["tls", "mutual"])
async def test_tls_is_for_whom_we_trust_alone_if_that_is_wanted(mutual: bool, tmp_path: Path) -> None:
    files = Certificates(tmp_path)
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=files.authority)
    tls.load_cert_chain(files.server, files.server_key)
    tls.verify_mode = ssl.CERT_REQUIRED if mutual else ssl.CERT_NONE
    server, own = Input(tls), dict[str, Any](cacertfile=str(files.authority), checkcert=True)
    own |= {"mutualtls": True, "certfile": str(files.client), "keyfile": str(files.client_key)} if mutual else {}
    async with server.listening():
        async with connected(made(server.port, tls=not mutual, **own)) as output:
            await output.send([alert()])
            await until(lambda: len(server.lines) == 1)
        with pytest.raises(MisconfiguredError):
            await made(server.port, tls=True, checkcert=True).connect()
        if not mutual:
            async with connected(made(server.port, tls=True)) as output:
                await output.send([alert()])
                await until(lambda: len(server.lines) == 2)


async def test_a_server_that_has_ended_takes_no_alert(tmp_path: Path) -> None:
    server = Input()
    async with server.listening():
        output = made(server.port)
        await output.send([alert()])
        await until(lambda: server.lines)
    with pytest.raises(RetryableError):
        await output.send([alert()])
    async with server.listening():
        await output.send([alert()])
        await until(lambda: len(server.lines) == 2)
        await output.close()


async def test_a_server_restarted_in_mid_stream_in_good_order_has_every_alert(tmp_path: Path) -> None:
    loop, server = asyncio.get_running_loop(), Input()

    def restart() -> None:
        asyncio.run_coroutine_threadsafe(server.restart(), loop).result(30)

    async with server.listening():
        output = made(server.port, retry=RETRY, batch={"count": 5})
        events = await through(output, tmp_path, restart, restart)
        await until(lambda: len(server.lines) >= len(events))
    assert {found["uuid"] for found in server.events} == {event.uuid for event in events}
