"""NATS Streaming on a real server: its protocol, channels, and its death in mid-stream."""

import asyncio
import uuid
from contextlib import suppress
from pathlib import Path
from typing import Any

import nats
import pytest
from hypothesis import given
from hypothesis import strategies as st

from outputs._stan import decode, encode
from outputs.stan import Stan, StanSettings
from sidekick.sdk import MisconfiguredError, PartialError, PermanentError, RetryableError
from sidekick.sdk.output import Context
from tests.outputs.alerts import alert
from tests.outputs.connected import connected
from tests.outputs.midstream import RETRY, refused, restart, through
from tests.outputs.sessions import alert_text, event_of, name_of, session
from tests.services.stan import MESSAGES, stored
from tests.services.streaming import CLUSTER, Streaming

RECORDING = session("stan")


@pytest.fixture
def name() -> str:
    return f"test-{uuid.uuid4()}"


def made(server: Streaming, name: str, **settings: Any) -> Stan:
    ours = {"hostport": server.url, "clusterid": CLUSTER, "clientid": name, "subjecttemplate": name}
    return Stan(StanSettings.model_validate(ours | settings), Context())


@pytest.mark.parametrize("capture", RECORDING["captures"], ids=name_of)
async def test_the_protocols_messages_are_falcosidekicks(capture: dict[str, Any], streaming: Streaming) -> None:
    """But for the message's id, which is the alert's, and the prefix, which is the server's."""
    fields, event = capture["fields"], event_of(capture)
    theirs = RECORDING["configs"][capture["variant"]]["stan"] | {"hostport": streaming.url, "clusterid": CLUSTER}
    output = Stan(StanSettings.model_validate(theirs), Context())
    listener = await nats.connect(streaming.url)
    try:
        subscription = await listener.subscribe("_STAN.>")
        await listener.flush()
        await output.send([event])
        hello = await subscription.next_msg(10)
        sent = await subscription.next_msg(10)
    finally:
        await output.close()
        await listener.close()
    if capture["op"] == "ConnectRequest":
        message = MESSAGES["ConnectRequest"].FromString(hello.data)
        assert hello.subject == f"_STAN.discover.{CLUSTER}"
    else:
        message = MESSAGES["PubMsg"].FromString(sent.data)
        assert sent.subject.endswith(f".{fields['subject']}")
        assert alert_text(message.data.decode()) == alert_text(capture["body_raw"])
        fields = fields | {"guid": event.uuid}
    assert {field: getattr(message, field) for field in fields} == fields


async def test_a_batch_is_in_its_channel(streaming: Streaming, name: str) -> None:
    events = [alert({"number": number}) for number in range(200)]
    async with connected(made(streaming, name)) as output:
        await output.send(events)
    assert await stored(streaming, name) == [event.json for event in events]


async def test_a_server_killed_and_stopped_in_mid_stream_has_every_alert(
    streaming: Streaming, name: str, tmp_path: Path
) -> None:
    output = made(streaming, name, retry=RETRY, batch={"count": 20})
    events = await through(output, tmp_path, restart(streaming.kill, streaming), restart(streaming.stop, streaming))
    assert set(await stored(streaming, name)) == {event.json for event in events}


async def test_a_client_that_died_makes_room_and_one_that_lives_does_not(streaming: Streaming, name: str) -> None:
    async with connected(made(streaming, name)) as living:
        with pytest.raises(MisconfiguredError, match="clientID already registered"):
            async with connected(made(streaming, name)):
                pass
        await living.send([alert()])
        assert living._link  # type: ignore[reportPrivateUsage]
        await living._link.close()  # type: ignore[reportPrivateUsage]
        async with connected(made(streaming, name)) as next_one:
            await next_one.send([alert()])
    assert len(await stored(streaming, name)) == 2


async def test_a_cluster_that_is_not_there_is_waited_for(streaming: Streaming, name: str) -> None:
    with pytest.raises(RetryableError, match="no responders"):
        async with connected(made(streaming, name, clusterid="another")):
            pass


async def test_one_that_is_too_large_does_not_hold_up_the_others(streaming: Streaming, name: str) -> None:
    small, large = alert(), alert(output="x" * 1_100_000)
    async with connected(made(streaming, name)) as output:
        with pytest.raises(PartialError) as raised:
            await output.send([large, small])
    assert await stored(streaming, name) == [small.json]
    assert isinstance(raised.value.errors[0], PermanentError)


async def test_a_rule_of_a_long_name_does_not_hold_up_the_others(
    streaming: Streaming, name: str, tmp_path: Path
) -> None:
    """The server makes a folder of its channel's name."""
    long, short = alert(rule="long " * 1000), alert()
    output = made(streaming, name, subjecttemplate=f"{name}.<rule>", retry=RETRY)
    assert await refused(output, tmp_path, [long, short]) == []
    assert await stored(streaming, f"{name}.terminal_shell_in_container") == [short.json]


async def test_a_server_that_hangs_is_given_up_in_time(streaming: Streaming, name: str) -> None:
    async with connected(made(streaming, name, timeout="500ms")) as output:
        streaming.pause()
        try:
            with pytest.raises(RetryableError):
                await asyncio.wait_for(output.send([alert()]), 5)
        finally:
            streaming.resume()


@given(client=st.text(), inbox=st.text(), number=st.integers(0, 2**31 - 1), connection=st.binary())
def test_what_is_written_is_what_the_protocol_says(client: str, inbox: str, number: int, connection: bytes) -> None:
    ours = encode({1: client.encode(), 2: inbox.encode(), 3: number, 4: connection})
    message = MESSAGES["ConnectRequest"].FromString(ours)
    read = (message.clientID, message.heartbeatInbox, message.protocol, message.connID)
    assert read == (client, inbox, number, connection)
    assert decode(message.SerializeToString()).items() <= decode(ours).items()


@given(st.binary())
def test_any_bytes_are_read_or_refused(message: bytes) -> None:
    with suppress(ValueError):
        assert decode(encode(decode(message))) == decode(message)
