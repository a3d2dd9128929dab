"""NATS on a real server: subjects, streams that acknowledge, logins and TLS, through its death in mid-stream."""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg

from outputs._nats import addresses, subject_of
from outputs.nats import Nats, NatsSettings
from sidekick.event import Event
from sidekick.sdk import Context, MisconfiguredError, PartialError, PermanentError, RetryableError
from tests.deadline import until
from tests.outputs.alerts import alert, alert_of
from tests.outputs.connected import connected
from tests.outputs.midstream import RETRY, refused, restart, through
from tests.outputs.sessions import alert_text, event_of, name_of, session
from tests.services import nats as service
from tests.services.nats import Nats as Server
from tests.services.nats import stream

RECORDING = session("nats")


@pytest.fixture
def name() -> str:
    return f"test-{uuid.uuid4()}"


@pytest.fixture
async def client(nats: Server) -> AsyncIterator[Client]:
    async with service.client(nats) as client:
        yield client


def made(hostport: str, context: Context | None = None, **settings: Any) -> Nats:
    return Nats(NatsSettings.model_validate({"hostport": hostport, **settings}), context or Context())


@pytest.mark.parametrize("capture", RECORDING["captures"], ids=name_of)
async def test_a_message_is_falcosidekicks(capture: dict[str, Any], nats: Server, client: Client) -> None:
    subscription = await client.subscribe(capture["subject"])
    await client.flush()
    template = RECORDING["configs"][capture["variant"]]["nats"].get("subjecttemplate", "falco.<priority>.<rule>")
    async with connected(made(nats.url, subjecttemplate=template)) as output:
        await output.send([event_of(capture)])
    message = await subscription.next_msg(10)
    assert message.headers is None
    assert alert_text(message.data.decode()) == alert_text(capture["body_raw"])


def test_a_subject_has_no_empty_part() -> None:
    assert subject_of("falco.<priority>.<rule>", alert(rule="漢字")) == "falco.notice._"


def test_falcosidekicks_addresses_are_the_librarys() -> None:
    written = "nats://a:1,natss://b:2, https://user:password@c,tls://d,http://e,f:6"
    expected = ["nats://a:1", "tls://b:2", "tls://user:password@c", "tls://d", "nats://e", "nats://f:6"]
    assert addresses(written) == expected


@pytest.mark.parametrize("jetstream", ["auto", "always"])
async def test_a_stream_keeps_an_alert_once(jetstream: str, nats: Server, name: str) -> None:
    events = [alert({"number": number}) for number in range(200)]
    settings: dict[str, Any] = {"subjecttemplate": f"{name}.<priority>.<rule>", "jetstream": jetstream}
    async with stream(nats, name) as stored, connected(made(nats.url, **settings)) as output:
        await output.send(events)
        await output.send(events[:20])
        found = await stored()
    assert [message.data for message in found] == [event.json for event in events]
    assert {message.subject for message in found} == {f"{name}.notice.terminal_shell_in_container"}


async def test_a_stream_that_is_made_later_is_noticed_and_so_is_its_end(nats: Server, name: str) -> None:
    async with connected(made(nats.url, subjecttemplate=f"{name}.x")) as output:
        await output.send([alert()])
        async with stream(nats, name) as stored:
            event = alert()
            await output.send([event, event])
            assert len(await stored()) == 1, "an acknowledged message carries the alert's id"
        with pytest.raises(RetryableError, match="no stream"):
            await output.send([alert()])
        await output.send([alert()])


async def test_without_a_stream_alerts_wait_if_one_is_asked_for(nats: Server, name: str) -> None:
    async with connected(made(nats.url, subjecttemplate=f"{name}.x", jetstream="always")) as output:
        with pytest.raises(MisconfiguredError, match="no stream"):
            await output.send([alert()])


async def test_a_stream_is_not_waited_for_if_none_is_wanted(nats: Server, name: str) -> None:
    async with stream(nats, name) as stored:
        async with connected(made(nats.url, subjecttemplate=f"{name}.x", jetstream="never")) as output:
            event = alert()
            await output.send([event, event])
        assert len(await stored()) == 2


async def test_a_server_killed_and_stopped_in_mid_stream_has_every_alert_once(
    nats: Server, name: str, tmp_path: Path
) -> None:
    output = made(nats.url, subjecttemplate=f"{name}.<rule>", retry=RETRY, batch={"count": 20})
    async with stream(nats, name) as stored:
        events = await through(output, tmp_path, restart(nats.kill, nats), restart(nats.stop, nats))
        found = [message.data for message in await stored()]
    assert len(found) == len(set(found)), "the stream knows an alert by its id"
    assert set(found) == {event.json for event in events}


async def test_a_server_that_hangs_is_given_up_in_time(nats: Server, name: str) -> None:
    async with stream(nats, name), connected(made(nats.url, subjecttemplate=f"{name}.x", timeout="500ms")) as output:
        await output.send([alert()])
        nats.pause()
        try:
            with pytest.raises(RetryableError):
                await output.send([alert()])
        finally:
            nats.resume()


@pytest.mark.parametrize("jetstream", ["always", "never"])
async def test_one_that_is_too_large_does_not_hold_up_the_others(jetstream: str, nats: Server, name: str) -> None:
    small, large = alert(), alert(output="x" * 1_100_000)
    async with stream(nats, name) as stored:
        async with connected(made(nats.url, subjecttemplate=f"{name}.x", jetstream=jetstream)) as output:
            with pytest.raises(PartialError) as raised:
                await output.send([small, large])
        assert [message.data for message in await stored()] == [small.json]
    assert isinstance(raised.value.errors[1], PermanentError)
    assert raised.value.errors.keys() == {1}


@pytest.mark.parametrize("jetstream", ["always", "never"])
async def test_only_what_the_server_would_cut_the_connection_for_is_refused(
    jetstream: str, nats: Server, name: str, tmp_path: Path
) -> None:
    """For a message's size it counts the header too, and it bears no subject of 4 KiB."""
    header = len(f"NATS/1.0\r\nNats-Msg-Id: {alert().uuid}\r\n\r\n") if jetstream == "always" else 0
    most = (1 << 20) - header
    events = [alert(), alert_of(most), alert(rule="long " * 1000), alert()]
    large = [alert_of(most + 1), alert_of(1_100_000)]
    settings: dict[str, Any] = {"subjecttemplate": f"{name}.<rule>", "jetstream": jetstream, "retry": RETRY}
    async with stream(nats, name) as stored:
        sent = [*events[:2], *large, *events[2:]]
        assert await refused(made(nats.url, **settings), tmp_path, sent) == [event.uuid for event in large]
        assert {message.data for message in await stored()} == {event.json for event in events}


async def test_one_that_is_too_large_for_its_stream_does_not_hold_up_the_others(
    nats: Server, client: Client, name: str, tmp_path: Path
) -> None:
    small, large = [alert() for _ in range(20)], alert_of(5001)
    async with stream(nats, name) as stored:
        await client.jetstream().update_stream(name=name, subjects=[f"{name}.>"], max_msg_size=5000)
        output = made(nats.url, subjecttemplate=f"{name}.x", retry=RETRY)
        assert await refused(output, tmp_path, [*small[:10], large, *small[10:]]) == [large.uuid]
        assert [message.data for message in await stored()] == [event.json for event in small]


async def test_tls_a_login_and_a_clients_certificate(tmp_path: Path) -> None:
    with Server(tmp_path, secure=True) as server:
        context, address = server.certificates.context, f"localhost:{server.port}"
        good = f"tls://{service.USER}:{service.PASSWORD}@{address}"
        async with connected(made(good, context, mutualtls=True, jetstream="never")) as output:
            await output.send([alert()])
        with pytest.raises(MisconfiguredError, match="uthorization"):
            async with connected(made(f"tls://{service.USER}:wrong-secret@{address}", context, mutualtls=True)):
                pass
        with pytest.raises(RetryableError):
            async with connected(made(good, context)):
                pass
        with pytest.raises(MisconfiguredError, match="certificate"):
            async with connected(made(good)):
                pass


async def test_who_asks_for_tls_does_not_speak_without(nats: Server) -> None:
    with pytest.raises(MisconfiguredError, match="no TLS"):
        async with connected(made(f"tls://{nats.address}")):
            pass


async def test_who_may_not_ask_jetstream_publishes_all_the_same(tmp_path: Path) -> None:
    users = {
        "users": [{"user": "bob", "password": "b", "permissions": {"publish": "falco.>", "subscribe": "_INBOX.>"}}]
    }
    server = Server(tmp_path)
    with (tmp_path / "nats.conf").open("a") as file:
        file.write(f"authorization {json.dumps(users)}\n")
    with server:
        async with connected(made(f"nats://bob:b@{server.address}")) as output:
            for _ in range(2):
                await output.send([alert()])


async def test_a_server_without_jetstream_takes_alerts_all_the_same(tmp_path: Path) -> None:
    with Server(tmp_path, jetstream=False) as server:
        async with connected(made(server.url)) as output:
            await output.send([alert()])
        with pytest.raises(MisconfiguredError, match="no stream"):
            async with connected(made(server.url, jetstream="always")) as output:
                await output.send([alert()])


async def test_nothing_is_sent_while_it_is_not_known_whether_it_is_stored(tmp_path: Path) -> None:
    """Of two subjects one is answered for, by who stands in for JetStream here, and the other is not."""
    heard: list[str] = []

    async def answer(request: Msg) -> None:
        broken = json.loads(request.data)["subject"].endswith("broken")
        error = {"error": {"code": 500, "err_code": 10049, "description": "out of order"}}
        await request.respond(json.dumps(error if broken else {"streams": []}).encode())

    async def hear(message: Msg) -> None:
        heard.append(message.subject)

    with Server(tmp_path, jetstream=False) as server:
        async with service.client(server) as client, connected(made(server.url)) as output:
            await client.subscribe("$JS.API.STREAM.NAMES", cb=answer)
            await client.subscribe("falco.>", cb=hear)
            await client.flush()
            with pytest.raises(RetryableError, match="out of order"):
                await output.send([alert(rule="sound"), alert(rule="broken")])
            await client.flush()
    assert heard == []


async def test_a_connection_that_ends_is_noticed_at_once(tmp_path: Path) -> None:
    server = Server(tmp_path)
    with server:
        async with connected(made(server.url)) as output:
            await output.send([alert()])
            server.pause()
            sending = asyncio.create_task(output.send([alert()]))
            await asyncio.to_thread(server.kill)
            with pytest.raises(RetryableError):
                await asyncio.wait_for(sending, 5)
            await asyncio.to_thread(server.start)
            await output.send([alert()])


async def test_each_listener_hears_an_alert_where_no_stream_is(nats: Server, client: Client, name: str) -> None:
    heard: list[bytes] = []

    async def hear(message: Any) -> None:
        heard.append(message.data)

    await client.subscribe(f"{name}.>", cb=hear)
    await client.flush()
    events: list[Event] = [alert() for _ in range(200)]
    async with connected(made(nats.url, subjecttemplate=f"{name}.x")) as output:
        await output.send(events)
    await until(lambda: len(heard) == len(events))
    assert heard == [event.json for event in events]
