"""Which alerts block whom: decisions of the output, judged by a real daemon that only tries."""

import asyncio
import datetime as dt
import json
import socket
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from bpf.protocol import Answer, encode
from outputs.xdp import SOURCES, Xdp, XdpSettings
from sidekick.event import Event, decode
from sidekick.filter import compile_filter
from sidekick.sdk import Context, MisconfiguredError, PermanentError, RetryableError
from tests.bpf.host import Host
from tests.bpf.wire import Wire
from tests.recorded import recorded_alerts

ATTACKER, SERVER = "8.8.4.4", "9.9.9.9"
INBOUND = {"fd.cip": ATTACKER, "fd.sip": SERVER, "fd.sport": 22, "fd.l4proto": "tcp"}


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    """A host whose own address is the alerts' server, so that it is protected as it would be."""
    home = tmp_path_factory.mktemp("xdp")
    wire = Wire()
    try:
        wire.address(wire.host, SERVER)
        made = Host(wire, home / "none", home)
        with made.serving("--dry-run", "--rate", "1000000"):
            yield made
    finally:
        wire.close()


@pytest.fixture(autouse=True)
def clean(host: Host) -> Iterator[None]:
    yield
    host.run("clear")


def alert(fields: dict[str, Any], *, age: float = 0, tags: tuple[str, ...] = ("block_source",)) -> Event:
    time = dt.datetime.now(dt.UTC) - dt.timedelta(seconds=age)
    body = {"rule": "Inbound", "priority": "Warning", "time": time.isoformat().replace("+00:00", "Z")}
    return decode(json.dumps({**body, "output": "x", "tags": tags, "output_fields": fields}).encode())[0]


@asynccontextmanager
async def output(host: Host, **settings: Any) -> AsyncGenerator[Xdp]:
    made = Xdp(XdpSettings.model_validate({"socket": str(host.socket), **settings}), Context())
    await made.connect()
    try:
        yield made
    finally:
        await made.close()


def held(host: Host) -> list[str]:
    return sorted(row["target"] for row in host.json("list"))


async def blocked(host: Host, *fields: dict[str, Any], **settings: Any) -> list[str]:
    async with output(host, **settings) as xdp:
        await xdp.send([alert(each) for each in fields])
    return held(host)


@pytest.mark.parametrize(
    ("fields", "targets"),
    [
        (INBOUND, [ATTACKER]),
        ({**INBOUND, "fd.is_server": True}, [ATTACKER]),
        # An outbound connection: the client is this host, and the far end is nobody's attack.
        ({**INBOUND, "fd.cip": SERVER, "fd.sip": "8.8.8.8"}, []),
        ({**INBOUND, "fd.is_server": False}, []),
        ({"fd.rip": ATTACKER, "fd.l4proto": "tcp"}, []),
        ({"fd.rip": ATTACKER, "fd.l4proto": "tcp", "fd.is_server": True}, [ATTACKER]),
        ({"fd.name": f"{ATTACKER}:4000->{SERVER}:22", "fd.l4proto": "tcp"}, [ATTACKER]),
        ({"fd.name": "2a00:1450::1:4000->2a00:1450:1::1:22", "fd.l4proto": "tcp"}, ["2a00:1450::/64"]),
        ({"fd.name": "/etc/shadow", "fd.l4proto": "tcp"}, []),
        # Forgeable, or not known to be otherwise.
        ({**INBOUND, "fd.l4proto": "udp"}, []),
        ({**INBOUND, "fd.l4proto": "<NA>"}, []),
        ({"fd.cip": ATTACKER}, []),
        # What is no address.
        ({**INBOUND, "fd.cip": None}, []),
        ({**INBOUND, "fd.cip": "<NA>"}, []),
        ({**INBOUND, "fd.cip": "private"}, []),
        ({**INBOUND, "fd.cip": 134744068}, []),
        ({**INBOUND, "fd.cip": {"ip": ATTACKER}}, []),
        ({**INBOUND, "fd.cip": "8.8.4.0/24"}, []),
        ({**INBOUND, "fd.cip": [None, 7, "x"]}, []),
        # What must not be blocked.
        ({**INBOUND, "fd.cip": "127.0.0.1"}, []),
        ({**INBOUND, "fd.cip": "10.1.2.3"}, []),
        ({**INBOUND, "fd.cip": "::ffff:8.8.4.4"}, [ATTACKER]),
        ({**INBOUND, "fd.cip": f"{ATTACKER}:4000"}, [ATTACKER]),
    ],
    ids=str,
)
async def test_who_is_blocked(host: Host, fields: dict[str, Any], targets: list[str]) -> None:
    assert await blocked(host, fields) == targets


async def test_outbound_blocks_the_server(host: Host) -> None:
    outbound = {**INBOUND, "fd.cip": SERVER, "fd.sip": ATTACKER}
    assert await blocked(host, outbound, direction="outbound") == [ATTACKER]


async def test_any_direction_takes_the_first_that_is_not_ours(host: Host) -> None:
    outbound = {**INBOUND, "fd.cip": SERVER, "fd.sip": ATTACKER}
    assert await blocked(host, outbound, direction="any") == [ATTACKER]
    verdicts = [(row["target"], row["verdict"]) for row in host.json("decisions")[-2:]]
    assert verdicts == [(SERVER, "protected"), (ATTACKER, "blocked")]


@pytest.mark.parametrize("own", ["127.0.0.1", "10.1.2.3"], ids=["special", "not global"])
async def test_any_direction_takes_the_one_that_may_be_blocked(host: Host, own: str) -> None:
    assert await blocked(host, {**INBOUND, "fd.cip": own, "fd.sip": ATTACKER}, direction="any") == [ATTACKER]


@pytest.mark.parametrize(
    ("value", "proxies", "targets"),
    [
        ('["203.0.113.45","8.8.4.4"]', "", ["8.8.4.4"]),
        ('["8.8.4.4","10.0.0.1"]', "10.0.0.0/8", ["8.8.4.4"]),
        (["1.1.1.1", "8.8.4.4", "10.0.0.1"], "10.0.0.0/8", ["8.8.4.4"]),
        ("8.8.4.4, 10.0.0.1", "10.0.0.0/8", ["8.8.4.4"]),
        ('["10.0.0.1"]', "10.0.0.0/8", []),
        ("[rubbish", "", []),
        pytest.param("[" * 100_000, "", [], id="deep"),
        ('["gce-internal-ip"]', "", []),
    ],
)
async def test_a_list_of_hops(host: Host, value: Any, proxies: str, targets: list[str]) -> None:
    fields = {"json.value[/sourceIPs]": value}
    assert await blocked(host, fields, fields="json.value[/sourceIPs]", proxies=proxies) == targets


async def test_one_port_only(host: Host) -> None:
    assert await blocked(host, INBOUND, scope="port") == [f"{ATTACKER}:22"]
    host.run("clear")
    # Never more than was asked for: an alert without a port blocks nothing.
    assert await blocked(host, {"fd.cip": ATTACKER, "fd.l4proto": "tcp"}, scope="port") == []


async def test_an_ipv6_source_owns_its_network(host: Host) -> None:
    fields = {**INBOUND, "fd.cip": "2a00:1450:4001:82b::200e"}
    assert await blocked(host, fields) == ["2a00:1450:4001:82b::/64"]
    host.run("clear")
    assert await blocked(host, fields, ipv6prefix=128) == ["2a00:1450:4001:82b::200e"]


async def test_a_threshold_within_a_window(host: Host) -> None:
    async with output(host, threshold=3, window="60s") as xdp:
        first, second = alert(INBOUND, age=100), alert(INBOUND, age=50)
        await xdp.send([first])
        await xdp.send([second])
        # A resend is the same alert.
        await xdp.send([second, second])
        await xdp.send([alert(INBOUND)])
        assert held(host) == []
        await xdp.send([alert(INBOUND)])
        assert held(host) == [ATTACKER]
        assert host.json("list")[0]["reason"] == "3 alerts within 60 s"
        # However many there were, it is the last ones that count.
        await xdp.send([alert(INBOUND) for _ in range(20)])
        host.run("clear")
        await xdp.send([alert(INBOUND)])
        assert held(host) == [ATTACKER]


async def test_old_alerts_block_nothing(host: Host) -> None:
    async with output(host, maximumage="10m") as xdp:
        await xdp.send([alert(INBOUND, age=700)])
    assert held(host) == []


async def test_alerts_of_any_age_block_without_a_limit(host: Host) -> None:
    async with output(host, maximumage="0") as xdp:
        await xdp.send([alert(INBOUND, age=700)])
    assert held(host) == [ATTACKER]


async def test_the_source_that_was_quiet_for_longest_is_forgotten(host: Host) -> None:
    def of(address: str) -> Event:
        return alert({**INBOUND, "fd.cip": address})

    quiet, busy = "8.8.8.1", "8.8.8.2"
    others = [str(ip_address("11.0.0.0") + number) for number in range(SOURCES - 1)]
    async with output(host, threshold=3) as xdp:
        await xdp.send([of(address) for address in (busy, quiet, *others[:-1], busy, others[-1])])
        await xdp.send([of(address) for address in (busy, quiet, quiet)])
    assert held(host) == [busy]


async def test_a_record_of_each_decision(host: Host) -> None:
    fields = {**INBOUND, "fd.cip": "8.8.4.99"}
    event = alert(fields)
    async with output(host, life="30m", growth=3) as xdp:
        await xdp.send([event])
        row = host.json("list")[0]
        assert (row["rule"], row["alert"], row["origin"]) == ("Inbound", event.uuid, "alert")
        assert round(row["until"] - row["since"]) == 1800
        host.run("clear")
        await xdp.send([alert(fields)])
    row = host.json("list")[0]
    assert (round(row["until"] - row["since"]), row["count"]) == (5400, 2)


async def test_a_dry_run_says_what_it_would_have_done(host: Host) -> None:
    event = alert(INBOUND)
    async with output(host, dryrun=True) as xdp:
        await xdp.send([event])
    assert held(host) == []
    last = host.json("decisions")[-1]
    assert (last["verdict"], last["target"], last["alert"]) == ("would block", ATTACKER, event.uuid)


async def test_recorded_alerts_never_fail(host: Host) -> None:
    async with output(host, maximumage="0", direction="any", protocols="any") as xdp:
        await xdp.send([event for body in recorded_alerts() for event in decode(body)])


def test_only_rules_with_the_tag_block_by_default() -> None:
    chosen = compile_filter(XdpSettings(socket="x").filter)
    assert chosen(alert(INBOUND))
    assert not chosen(alert(INBOUND, tags=("network",)))


async def test_a_dead_daemon_is_worth_a_retry(tmp_path: Path) -> None:
    xdp = Xdp(XdpSettings(socket=str(tmp_path / "nowhere")), Context())
    with pytest.raises(RetryableError, match="no answer from sidekick-xdp"):
        await xdp.connect()


async def test_a_daemon_that_comes_back_is_found(tmp_path: Path) -> None:
    host = Host(None, tmp_path / "none", tmp_path)
    xdp = Xdp(XdpSettings(socket=str(host.socket)), Context())
    with host.serving("--dry-run"):
        await xdp.send([alert(INBOUND)])
    with pytest.raises(RetryableError):
        await xdp.send([alert(INBOUND)])
    with host.serving("--dry-run"):
        await xdp.send([alert(INBOUND)])
        assert host.json("list")[0]["count"] == 1
    await xdp.close()


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("forbidden", MisconfiguredError),
        ("not_attached", MisconfiguredError),
        ("malformed", PermanentError),
        ("failed", RetryableError),
    ],
)
async def test_what_a_daemon_refuses_is_somebody_s_to_mend(
    code: str, error: type[RetryableError | PermanentError], tmp_path: Path
) -> None:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(encode(Answer(code, "no")))
        writer.close()

    xdp = Xdp(XdpSettings(socket=str(tmp_path / "socket")), Context())
    async with await asyncio.start_unix_server(refuse, tmp_path / "socket"):
        with pytest.raises(error) as raised:
            await xdp.send([alert(INBOUND)])
        await xdp.close()
    assert type(raised.value) is error


async def test_a_daemon_that_does_not_answer_is_not_waited_for(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(tmp_path / "socket"))
        silent.listen()
        xdp = Xdp(XdpSettings(socket=str(tmp_path / "socket"), timeout=0.1), Context())
        async with asyncio.timeout(10):
            with pytest.raises(RetryableError, match="timed out"):
                await xdp.send([alert(INBOUND)])


@pytest.mark.parametrize(
    "wrong",
    [{"proxies": "nowhere"}, {"ipv6prefix": 12}, {"threshold": 0}, {"growth": 0.5}, {"direction": "up"}],
    ids=str,
)
def test_wrong_settings_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        XdpSettings.model_validate({"socket": "x", **wrong})
