"""Who may send: tokens where Falco can put them, client certificates, networks; and that no token is ever told."""

import ssl
from pathlib import Path
from typing import Any

import pytest
import trustme
from hypothesis import given
from hypothesis import strategies as st

from sidekick.receiver.access import Access, Peer
from sidekick.receiver.paths import Target
from sidekick.receiver.settings import ReceiverSettings
from tests.receiver.client import ALERT, connected, exchange, post, request, statuses
from tests.receiver.conftest import Start, listening

RED, BLUE = "red-0123456789abcdef", "blue~0123456789_.-x"
SENDERS: dict[str, Any] = {
    "red": {"token": RED, "fields": {"cluster": "red"}},
    "blue": {"token": BLUE},
}


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        (f"/in/{RED}", ()),
        (f"/behind/a/proxy/in/{RED}", ()),
        (f"/?token={RED}", ()),
        (f"/falco?a=b&token={RED}&c", ()),
        ("/", (f"Authorization: Bearer {RED}",)),
        ("/falco", (f"authorization: bearer  {RED}",)),
    ],
)
async def test_a_token_may_come_in_path_query_or_header(start: Start, path: str, fields: tuple[str, ...]) -> None:
    receiver = await start(senders=SENDERS)
    async with connected(receiver.address) as client:
        for _ in range(3):
            client.send(post(ALERT, path, *fields))
            assert (await client.answer()).status == 200
    assert receiver.inbox.senders == ["red"] * 3
    assert not receiver.refused.counts


@pytest.mark.parametrize(
    ("path", "fields", "reason"),
    [
        ("/", (), "token missing"),
        (f"/{RED}", (), "token missing"),
        (f"/in/{RED}/", (), "token missing"),
        ("/?token=", (), "token missing"),
        (f"/?xtoken={RED}", (), "token missing"),
        ("/", (f"Authorization: Basic {RED}",), "token missing"),
        (f"/in/{RED[:-1]}", (), "token unknown"),
        (f"/in/{RED}x", (), "token unknown"),
        (f"/?token={RED.upper()}", (), "token unknown"),
        ("/", ("Authorization: Bearer x",), "token unknown"),
        (f"/in/x?token={RED}", (f"Authorization: Bearer {RED}",), "token unknown"),
    ],
)
async def test_without_a_known_token_an_alert_is_401_and_kept(
    start: Start, path: str, fields: tuple[str, ...], reason: str
) -> None:
    receiver = await start(senders=SENDERS)
    async with connected(receiver.address) as client:
        client.send(post(ALERT, path, *fields) + post(ALERT, f"/in/{RED}"))
        answer = await client.answer()
        assert (answer.status, answer.body) == (401, b"Please send with the token of a sender\n")
        assert (answer.headers["www-authenticate"], answer.headers["connection"]) == ("Bearer", "close")
        assert await client.rest() == b""
    assert receiver.inbox.events == []
    assert receiver.refused.counts == {reason: 1}
    assert [(entry.reason, entry.body) for entry in receiver.refused.entries] == [(reason, ALERT)]


async def test_each_request_of_a_connection_counts_for_its_own_sender(start: Start) -> None:
    receiver = await start(senders=SENDERS)
    red, blue = post(ALERT, f"/in/{RED}"), post(ALERT, "/", f"Authorization: Bearer {BLUE}")
    async with connected(receiver.address) as client:
        client.send(red + blue + red + request("GET", "/ping") + red + blue + blue + post(ALERT, f"/?token={BLUE}"))
        assert set(await client.statuses(8)) == {200}
        client.send(post())
        assert (await client.answer()).status == 401
    assert receiver.inbox.senders == ["red", "blue", "red", "red", "blue", "blue", "blue"]


async def test_pages_stay_open_but_for_the_one_that_makes_an_alert(start: Start) -> None:
    receiver = await start(senders=SENDERS)
    for path in ("/ping", "/healthz", "/readyz", "/metrics"):
        assert statuses(await exchange(receiver.address, request("GET", path))) == [200]
    assert statuses(await exchange(receiver.address, request("POST", "/test"))) == [401]
    assert statuses(await exchange(receiver.address, request("POST", f"/test?token={BLUE}"))) == [200]
    assert statuses(await exchange(receiver.address, request("POST", "/test", f"Authorization: Bearer {RED}"))) == [200]
    assert receiver.inbox.senders == ["blue", "red"]


@pytest.mark.parametrize(("networks", "status"), [("10.0.0.0/8,127.0.0.0/8", 200), ("10.0.0.0/8,::/0", 403)])
async def test_only_listed_networks_may_ask_anything(start: Start, networks: str, status: int) -> None:
    receiver = await start(networks=networks)
    assert statuses(await exchange(receiver.address, post())) == [status]
    assert statuses(await exchange(receiver.address, request("GET", "/metrics"))) == [status]
    assert statuses(await exchange(receiver.address, request("POST", "/test"))) == [status]
    assert receiver.refused.counts == ({"network": 3} if status == 403 else {})


async def test_a_token_counts_from_the_networks_of_its_sender_only(start: Start) -> None:
    senders = {"near": {"token": RED, "networks": ["127.0.0.1"]}, "far": {"token": BLUE, "networks": ["192.0.2.0/24"]}}
    receiver = await start(senders=senders)
    assert statuses(await exchange(receiver.address, post(ALERT, f"/in/{RED}"))) == [200]
    assert statuses(await exchange(receiver.address, post(ALERT, f"/in/{BLUE}"))) == [403]
    assert receiver.refused.counts == {"network": 1}


async def test_a_peer_that_is_seen_as_ipv6_is_known_by_its_ipv4_address(start: Start) -> None:
    receiver = await start(address="", networks=["127.0.0.0/8"])
    assert statuses(await exchange(("127.0.0.1", receiver.address[1]), post())) == [200]
    assert statuses(await exchange(("::1", receiver.address[1]), post())) == [403]


async def test_of_a_stranger_no_more_is_read_than_is_kept(start: Start) -> None:
    receiver = await start(senders=SENDERS)
    async with connected(receiver.address) as client:
        client.send(request("POST", "/", "Content-Length: 9000000") + bytes(20_000))
        assert (await client.answer()).status == 401
        assert await client.rest() == b""
    (entry,) = receiver.refused.entries
    assert (entry.reason, len(entry.body)) == ("token missing", 16 << 10)


async def test_a_stranger_is_not_invited_to_send_a_large_body(start: Start) -> None:
    receiver = await start(senders=SENDERS)
    async with connected(receiver.address) as client:
        client.send(request("POST", "/", "Content-Length: 2000000", "Expect: 100-continue"))
        assert (await client.answer()).status == 401


async def test_no_token_is_kept_of_what_is_no_http(start: Start) -> None:
    receiver = await start(senders=SENDERS)
    for data in (
        f"POST /in/{RED} HTTP/x\r\n\r\n",
        f"POST / HTTP/1.1\r\nAuthorization: Bearer {RED}\r\nno field\r\n\r\n",
    ):
        assert statuses(await exchange(receiver.address, data.encode())) == [400]
    assert receiver.refused.counts == {"http": 2}
    assert not receiver.refused.entries


async def test_a_token_that_is_withdrawn_ends_with_the_next_request(start: Start) -> None:
    receiver = await start(senders=SENDERS)
    async with connected(receiver.address) as red, connected(receiver.address) as blue:
        for client, token in ((red, RED), (blue, BLUE)):
            client.send(post(ALERT, f"/in/{token}"))
            assert (await client.answer()).status == 200
        await receiver.receiver.renew(listening({}, {"senders": {"other": {"token": BLUE}}}))
        for client, token, status in ((red, RED, 401), (blue, BLUE, 200)):
            client.send(post(ALERT, f"/in/{token}"))
            assert (await client.answer()).status == status
    assert receiver.inbox.senders == ["red", "blue", "other"]


async def test_a_sender_may_be_known_by_its_certificate(start: Start, tmp_path: Path) -> None:
    authority = trustme.CA()
    names = {name: tmp_path / f"{name}.pem" for name in ("certfile", "keyfile", "cacertfile")}
    server = authority.issue_cert("localhost")
    server.private_key_pem.write_to_path(names["keyfile"])
    server.cert_chain_pems[0].write_to_path(names["certfile"])
    authority.cert_pem.write_to_path(names["cacertfile"])
    tls = {"deploy": True, "mutualtls": True} | {name: str(path) for name, path in names.items()}
    receiver = await start(tls, senders={"node": {"certificate": "falco-node"}, "red": SENDERS["red"]})

    async def answered(common_name: str, path: str) -> int:
        context = ssl.create_default_context()
        authority.configure_trust(context)
        authority.issue_cert("a.example", common_name=common_name).configure_cert(context)
        async with connected(receiver.address, context) as client:
            client.send(post(ALERT, path))
            return (await client.answer()).status

    assert await answered("falco-node", "/") == 200
    assert await answered("another", "/") == 401
    assert await answered("another", f"/in/{RED}") == 200
    assert receiver.inbox.senders == ["node", "red"]


def token_in(url: str) -> str | None:
    """Where a token is looked for, told in another way."""
    path, _, query = url.partition("?")
    *_, place, last = ["", "", *path.split("/")]
    values = [pair[6:] for pair in query.split("&") if pair.startswith("token=")]
    return last if place == "in" and last else next(filter(None, values), None)


PARTS = st.lists(st.sampled_from(["/in/", "/", "?", "&", "token=", "a", "%69n", RED, RED[:-1]]), max_size=8)


@given(PARTS, st.binary(max_size=40))
def test_nothing_but_a_token_in_its_place_opens(parts: list[str], header: bytes) -> None:
    url = "/" + "".join(parts)
    access = Access(ReceiverSettings.model_validate({"senders": SENDERS}))
    entry = access.enter(Target.ALERT, url.encode(), [(b"Authorization", b"Bearer " + header)], Peer("192.0.2.1", None))
    assert (entry.refusal is None) == (token_in(url) == RED)
