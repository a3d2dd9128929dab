"""TLS and mutual TLS on the same path as plain text, and the paths that may be had without."""

import ssl
from pathlib import Path
from typing import Any

import pytest
import trustme

from sidekick.receiver import ListenError, TlsError
from sidekick.receiver.sockets import listen
from tests.receiver.client import ALERT, connected, exchange, post, request, statuses
from tests.receiver.conftest import Running, Start


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def files(authority: trustme.CA, tmp_path: Path) -> dict[str, Any]:
    """The keys of `tlsserver` for a certificate of that authority."""
    names = {name: tmp_path / f"{name}.pem" for name in ("certfile", "keyfile", "cacertfile")}
    certificate = authority.issue_cert("localhost")
    certificate.private_key_pem.write_to_path(names["keyfile"])
    for blob in certificate.cert_chain_pems:
        blob.write_to_path(names["certfile"], append=True)
    authority.cert_pem.write_to_path(names["cacertfile"])
    return {"deploy": True, "notlsport": 0} | {name: str(path) for name, path in names.items()}


def trusting(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


async def test_alerts_and_pages_over_tls(start: Start, authority: trustme.CA, files: dict[str, Any]) -> None:
    receiver = await start(files)
    async with connected(receiver.address, trusting(authority)) as client:
        client.send(post(ALERT.ljust(300_000)) + request("GET", "/ping") + post(b"{"))
        assert await client.statuses(3) == [200, 200, 400]
        client.send(post(ALERT, "/", "Connection: close"))
        assert statuses(await client.rest()) == [200]


async def test_plain_text_to_the_tls_port_is_closed_and_serves_on(
    start: Start, authority: trustme.CA, files: dict[str, Any]
) -> None:
    receiver = await start(files)
    async with connected(receiver.address) as client:
        client.send(post())
        assert await client.closed()
    async with connected(receiver.address, trusting(authority)) as client:
        client.send(post())
        assert await client.statuses(1) == [200]


@pytest.mark.parametrize("said", [b"", b"\x16\x03\x01\x02"], ids=["nothing", "a beginning"])
async def test_a_handshake_that_does_not_come_is_not_waited_for(
    start: Start, files: dict[str, Any], said: bytes
) -> None:
    receiver = await start(files, headertimeout="200ms")
    async with connected(receiver.address) as client:
        client.send(said)
        assert await client.closed()


async def answer_over(receiver: Running, context: ssl.SSLContext) -> bytes:
    """What comes back; nothing when either side breaks off."""
    try:
        async with connected(receiver.address, context) as client:
            client.send(post())
            return await client.rest()
    except OSError:
        return b""


async def test_mutual_tls_takes_only_known_clients(start: Start, authority: trustme.CA, files: dict[str, Any]) -> None:
    receiver = await start(files | {"mutualtls": True})
    known, stranger, nobody = (trusting(authority) for _ in range(3))
    authority.issue_cert("falco").configure_cert(known)
    trustme.CA().issue_cert("falco").configure_cert(stranger)
    async with connected(receiver.address, known) as client:
        client.send(post())
        assert await client.statuses(1) == [200]
    for context in (stranger, nobody):
        assert await answer_over(receiver, context) == b""
    assert receiver.inbox.rules == ["r"]


async def test_tls_1_2_is_spoken_too(start: Start, authority: trustme.CA, files: dict[str, Any]) -> None:
    receiver = await start(files)
    context = trusting(authority)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    async with connected(receiver.address, context) as client:
        client.send(post())
        assert await client.statuses(1) == [200]


async def test_old_tls_is_refused(start: Start, authority: trustme.CA, files: dict[str, Any]) -> None:
    receiver = await start(files)
    context = trusting(authority)
    context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    assert await answer_over(receiver, context) == b""


async def both(receiver: Running, authority: trustme.CA, path: str) -> tuple[int, int]:
    """Statuses of a GET of this path on the TLS port and on the plain one."""
    tls, plain = receiver.receiver.addresses
    async with connected(tls, trusting(authority)) as client:
        client.send(request("GET", path))
        (status,) = await client.statuses(1)
    return status, statuses(await exchange(plain, request("GET", path)))[0]


async def test_listed_paths_move_to_the_plain_port(start: Start, authority: trustme.CA, files: dict[str, Any]) -> None:
    receiver = await start(files | {"notlspaths": ["/ping"]})
    assert await both(receiver, authority, "/ping") == (400, 200)
    assert await both(receiver, authority, "/healthz") == (200, 404)
    assert await both(receiver, authority, "/") == (400, 404)


async def test_alerts_may_move_to_the_plain_port(start: Start, authority: trustme.CA, files: dict[str, Any]) -> None:
    receiver = await start(files | {"notlspaths": "/ping,/"})
    assert await both(receiver, authority, "/ping") == (404, 200)
    assert await both(receiver, authority, "/healthz") == (200, 400)
    assert statuses(await exchange(receiver.receiver.addresses[1], post())) == [200]


@pytest.mark.parametrize("name", ["certfile", "cacertfile"])
async def test_a_file_that_cannot_be_used_is_named(start: Start, files: dict[str, Any], name: str) -> None:
    with pytest.raises(TlsError, match=f"tlsserver.{name} /missing"):
        await start(files | {"mutualtls": True, name: "/missing"})


async def test_a_second_port_in_use_leaves_nothing_open(start: Start, files: dict[str, Any]) -> None:
    with listen("127.0.0.1", 0) as taken, pytest.raises(ListenError):
        await start(files | {"notlspaths": "/ping", "notlsport": taken.getsockname()[1]})
