"""Syslog: whole lines on a real rsyslog by UDP, TCP and TLS, through its restart."""

import asyncio
import json
import re
import socket
import ssl
from collections import Counter
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trustme

from outputs.syslog import Syslog, SyslogSettings
from sidekick.event import Event, Priority
from sidekick.sdk import Context, MisconfiguredError, PermanentError, RetryableError
from sidekick.sdk.tls import ClientTls
from tests.deadline import until
from tests.outputs.alerts import DATA, alert, recorded
from tests.receivers.logstash import Input
from tests.services.certificates import Certificates
from tests.services.rsyslog import Rsyslog

RECORDING: dict[str, Any] = json.loads((DATA / "captures/sessions/syslog.json").read_text())
LINE = re.compile(r"<(\d+)>(\S+) (\S+) Falco\[\d+\]: (.*)\n", re.DOTALL)
ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def made(context: Context | None = None, **settings: Any) -> Syslog:
    return Syslog(SyslogSettings.model_validate({"host": "127.0.0.1", **settings}), context or Context())


@asynccontextmanager
async def connected(context: Context | None = None, **settings: Any) -> AsyncGenerator[Syslog]:
    output = made(context, **settings)
    try:
        await output.connect()
        yield output
    finally:
        await output.close()


async def all_written(server: Rsyslog, events: Sequence[Event]) -> None:
    ids = {event.uuid for event in events}

    def there() -> bool:
        return ids <= {found.group() for line in server.lines() if (found := ID.search(line))}

    await until(there, within=10, what="all lines are written")
    copies = Counter(found.group() for line in server.lines() if (found := ID.search(line)))
    assert {copies[one] for one in ids} == {1}


@pytest.mark.parametrize("protocol", ["udp", "tcp", "tls"])
async def test_every_alert_is_a_line_of_rsyslogs(protocol: str, rsyslog: Rsyslog) -> None:
    # No more than a socket's buffer holds, for what is beyond is lost by UDP.
    events = [alert({"number": number, "text": "é\n" * 500}) for number in range(20 if protocol == "udp" else 200)]
    context = Context(tls=ClientTls(cafile=str(rsyslog.authority)))
    port = rsyslog.secure if protocol == "tls" else rsyslog.port
    settings = {"host": "localhost" if protocol == "tls" else "127.0.0.1", "facility": 16}
    async with connected(context, **settings, port=port, protocol=protocol) as output:
        for start in range(0, len(events), output.batch.count):
            await output.send(events[start : start + output.batch.count])
        await all_written(rsyslog, events)
    (line,) = [line for line in rsyslog.lines() if events[0].uuid in line]
    pri, time, host, tag, message = line.split(" ", 4)
    assert pri == "133"  # local0, notice
    assert time.startswith("2026-11-24T10:20:05.408091")
    assert host == socket.gethostname()
    assert tag.startswith("Falco[")
    assert json.loads(message) == json.loads(events[0].json)


async def test_an_old_header_is_taken_off_and_leaves_the_json(rsyslog: Rsyslog) -> None:
    event = alert({"text": "{"})
    line = made(header="rfc3164").encode(event).decode()
    assert re.fullmatch(rf"<5>Nov 24 10:20:05 {socket.gethostname()} Falco\[\d+\]: \{{.*\}}\n", line)
    async with connected(Context(), host="127.0.0.1", port=rsyslog.port, header="rfc3164") as output:
        await output.send([event])
        await all_written(rsyslog, [event])
    (written,) = [line for line in rsyslog.lines() if event.uuid in line]
    _, time, host, tag, message = written.split(" ", 4)
    assert (time[4:19], host, tag[:6]) == ("-11-24T10:20:05", socket.gethostname(), "Falco[")
    assert json.loads(message) == json.loads(event.json)


@pytest.mark.parametrize(("header", "time"), [("rfc3339", "2026-11-24T10:20:05Z"), ("rfc3164", "Nov 24 10:20:05")])
def test_a_line_s_time_is_utc_and_says_so_where_it_can(header: str, time: str) -> None:
    line = made(header=header).encode(alert(time="2026-11-24T10:20:05Z"))
    assert line.startswith(f"<5>{time} ".encode())
    assert made(header="rfc3164").encode(alert(time="2026-11-24T12:20:05+02:00")).startswith(b"<5>Nov 24 10:20:05 ")


def test_an_old_header_has_the_last_day_s_time_as_it_came() -> None:
    """In UTC it would be in a year that Python does not know."""
    line = made(header="rfc3164").encode(alert(time="9999-12-31T23:59:59-12:00"))
    assert line.startswith(b"<5>Dec 31 23:59:59 ")


async def test_a_restart_of_the_server_in_mid_stream_loses_no_alert(tmp_path: Path) -> None:
    with Rsyslog(tmp_path) as server:
        async with connected(port=server.port) as output:
            events = [alert() for _ in range(30)]
            await output.send(events[:10])
            await all_written(server, events[:10])
            await asyncio.to_thread(server.stop)
            with pytest.raises(RetryableError):
                await output.send(events[10:20])
            await asyncio.to_thread(server.start)
            await output.send(events[10:20])
            await all_written(server, events[:20])
            await asyncio.to_thread(server.kill)
            await asyncio.to_thread(server.start)
            await output.send(events[20:])
            await all_written(server, events)


async def test_a_connection_that_the_server_ended_takes_no_alert() -> None:
    accepted: list[asyncio.StreamWriter] = []

    async def hang_up() -> None:
        writer = accepted.pop()
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(lambda _, writer: accepted.append(writer), "127.0.0.1", 0)
    async with server, connected(port=server.sockets[0].getsockname()[1]) as output:
        await until(lambda: accepted)
        await output.send([alert()])
        await hang_up()
        await output.send([alert()])
        await until(lambda: accepted, what="the second alert goes by a new connection")
        server.close()
        await hang_up()
        with pytest.raises(RetryableError):
            await output.send([alert()])


async def test_a_server_that_does_not_read_is_waited_for() -> None:
    async def never_read(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)

    writers: list[asyncio.StreamWriter] = []
    server = await asyncio.start_server(never_read, "127.0.0.1", 0, limit=1)
    async with server:
        # The goodbye, too, waits for a second alone.
        async with asyncio.timeout(20), connected(port=server.sockets[0].getsockname()[1]) as output:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.3):
                    await output.send([alert(output="x" * 20_000_000)])
        for writer in writers:
            writer.transport.abort()


@asynccontextmanager
async def waiting_for_an_acknowledgement() -> AsyncGenerator[tuple[socket.socket, asyncio.Task[None]]]:
    """Both ends of an alert that our own kernel has all of, and the server's no more than the beginning."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)  # the least that there is: some 2 KB
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        async with connected(port=listener.getsockname()[1]) as output:
            peer, _ = listener.accept()
            sending = asyncio.create_task(output.send([alert(output="x" * 10_000)]))
            with peer:
                done, _ = await asyncio.wait([sending], timeout=0.3)
                assert not done
                yield peer, sending


async def test_what_only_our_own_kernel_has_is_not_delivered() -> None:
    async with waiting_for_an_acknowledgement() as (peer, sending):
        with peer.makefile("rb") as lines:
            assert b"x" * 10_000 in await asyncio.to_thread(lines.readline)
        await sending


async def test_what_the_server_did_not_take_before_it_hung_up_is_not_delivered() -> None:
    async with waiting_for_an_acknowledgement() as (peer, sending):
        peer.close()
        with pytest.raises(RetryableError):
            await sending


@pytest.mark.parametrize(("protocol", "port"), [("udp", 514), ("tcp", 514), ("tls", 6514)])
async def test_a_port_that_is_not_set_is_the_protocol_s_own(protocol: str, port: int) -> None:
    with pytest.raises(RetryableError, match=f"255.255.255.255:{port}: "):  # where no connection leads
        await made(host="255.255.255.255", protocol=protocol).connect()


def test_datagrams_are_sent_one_by_one() -> None:
    assert [made(protocol=protocol).batch.count for protocol in ("udp", "tcp", "tls")] == [1, 1000, 1000]


async def test_a_server_may_want_our_certificate(tmp_path: Path) -> None:
    files = Certificates(tmp_path)
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=files.authority)
    tls.load_cert_chain(files.server, files.server_key)
    tls.verify_mode = ssl.CERT_REQUIRED
    server = Input(tls)
    async with server.listening():
        settings = {"host": "localhost", "port": server.port, "protocol": "tls", "mutualtls": True}
        async with connected(files.context, **settings) as output:
            await output.send([alert()])
            await until(lambda: server.lines)


async def test_tls_is_for_whom_we_trust_alone(rsyslog: Rsyslog, tmp_path: Path) -> None:
    trustme.CA().cert_pem.write_to_path(tmp_path / "other")
    other = Context(tls=ClientTls(cafile=str(tmp_path / "other")))
    settings = {"host": "localhost", "port": rsyslog.secure, "protocol": "tls"}
    with pytest.raises(MisconfiguredError):
        await made(other, **settings).connect()
    async with connected(other, **settings, checkcert=False):
        pass


async def test_what_no_datagram_holds_is_refused_for_good(rsyslog: Rsyslog) -> None:
    async with connected(port=rsyslog.port, protocol="udp") as output:
        with pytest.raises(PermanentError, match="do not fit"):
            await output.send([alert(output="x" * 66_000)])


async def test_a_port_where_nobody_listens_is_noticed_by_udp_too() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    async with connected(port=port, protocol="udp") as output:
        await output.send([alert()])
        with pytest.raises(RetryableError):
            await output.send([alert()])


@pytest.mark.parametrize("capture", RECORDING["captures"], ids=lambda one: f"{one['variant']}-{one['input'][7]}")
def test_a_line_is_falcosidekicks(capture: dict[str, Any]) -> None:
    """But for the time, which is the alert's here, and what CEF wants escaped."""
    name = capture["input"]
    event = Event.test() if "test_endpoint" in name else recorded(name)
    settings = RECORDING["configs"][capture["variant"]]["syslog"]
    theirs, ours = (LINE.fullmatch(line) for line in (capture["body"], made(**settings).encode(event).decode()))
    assert theirs
    assert ours
    assert ours[1] == theirs[1]
    if settings["format"] == "json":
        assert _stable(json.loads(ours[4])) == _stable(json.loads(theirs[4]))
    elif not name.endswith("d_special.json"):
        left, right = (
            sorted(ID.sub("", line[4]).replace("\\=", "=").replace("outputfields=", "").split(" "))
            for line in (theirs, ours)
        )
        known = {word for word in left + right if word.startswith("start=") and event.rule == Event.TEST_RULE}
        assert [word for word in left if word not in known] == [word for word in right if word not in known]


def _stable(event: dict[str, Any]) -> dict[str, Any]:
    changing = {"uuid", "time"} if event["rule"] == Event.TEST_RULE else {"uuid"}
    return {name: value for name, value in event.items() if name not in changing}


def test_cef_has_falcosidekicks_severities() -> None:
    lines = [made(format="cef").encode(alert(priority=priority.value)).decode() for priority in Priority]
    found = {priority.value: int(line.split("|")[6]) for priority, line in zip(Priority, lines, strict=True)}
    assert found == {
        "Emergency": 10,
        "Alert": 9,
        "Critical": 8,
        "Error": 7,
        "Warning": 6,
        "Notice": 4,
        "Informational": 3,
        "Debug": 0,
    }


def test_cef_escapes_its_separators() -> None:
    event = alert({"a=b": "c|d\ne\\"}, rule="pipe | and \\", output="x=1\r\nsecond")
    line = made(format="cef").encode(event).decode()
    assert line.count("\n") == 1
    assert r"|pipe \| and \\|4|" in line
    assert r"msg=x\=1\r\nsecond " in line
    assert r"outputfields=a\=b:c|d\ne\\ " in line
