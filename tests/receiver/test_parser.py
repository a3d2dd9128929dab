"""Any bytes, in any pieces: the same answers as from uvicorn's own protocol, and never a crash or a hang."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator, Sequence
from itertools import pairwise
from operator import itemgetter

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from sidekick.receiver.routes import Routes
from tests.deadline import until
from tests.fuzz import words
from tests.fuzz.http import Answering, Comparison, configuration
from tests.receiver.client import ALERT, chunked, connected, exchange, post, request
from tests.receiver.conftest import Running

QUICK = settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
async def uvicorns(receiver: Running) -> AsyncIterator[tuple[str, int]]:
    """The address of uvicorn's own protocol with an application that answers as the receiver does."""
    state = ServerState()
    config = configuration(Answering(Routes(receiver.receiver.state)))
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: HttpToolsProtocol(config, state, {}), "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[:2]
    server.close()
    for connection in list(state.connections):
        connection.shutdown()
    await until(lambda: not state.connections and not state.tasks)
    await server.wait_closed()


bodies = st.sampled_from([ALERT, b"", b"{", b"x" * 70_000, ALERT.ljust(70_000)])
methods = st.sampled_from(["POST", "POST", "POST", "GET", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH"])
urls = st.sampled_from(["/", "/falco?x=y", "/ping", "/healthz?a", "/readyz", "/p%69ng", "http://host/ping"])
fields = st.lists(
    st.sampled_from(["Accept: */*", "Expect: something", "X: \t", "Connection: keep-alive", "Cookie: a", "cookie: b"]),
    max_size=3,
)


@st.composite
def requests(draw: st.DrawFn) -> tuple[str, bytes]:
    """A request's method and bytes."""
    method, url, body, extra = draw(methods), draw(urls), draw(bodies), draw(fields)
    if draw(st.booleans()):
        cut = draw(st.integers(0, len(body)))
        return "POST", chunked(*[part for part in (body[:cut], body[cut:]) if part], path=url)
    return method, request(method, url, f"Content-Length: {len(body)}", *extra) + body


tokens = st.sampled_from(words.HTTP)
noise = st.one_of(st.binary(max_size=300), st.lists(st.one_of(tokens, st.binary(max_size=4))).map(b"".join))


async def answers(address: tuple[str, int], data: bytes, heads: Sequence[bool]) -> list[tuple[int, bytes]]:
    """Status and body of every answer, until the connection closes or each request has its own."""
    seen: list[tuple[int, bytes]] = []
    async with connected(address) as client:
        client.send(data)
        for to_head in heads:
            try:
                answer = await client.answer(to_head=to_head)
            except (asyncio.IncompleteReadError, ConnectionError):
                break
            seen.append((answer.status, answer.body.rstrip(b"\n")))
    return seen


@given(row=st.lists(requests(), min_size=1, max_size=4))
@example(row=[("POST", post()), ("GET", request("GET", "/ping", version="1.0"))])
@example(row=[("POST", request("POST", "/", f"Content-Length: {len(ALERT)}", version="1.0") + ALERT)])
@QUICK
async def test_the_answers_are_those_of_uvicorn_s_own_protocol(
    receiver: Running, uvicorns: tuple[str, int], row: list[tuple[str, bytes]]
) -> None:
    data, heads = b"".join(data for _, data in row), [method == "HEAD" for method, _ in row]
    assert await answers(receiver.address, data, heads) == await answers(uvicorns, data, heads)


@pytest.fixture(scope="module")
def compare() -> Iterator[Comparison]:
    with Comparison() as compare:
        yield compare


@given(parts=st.lists(noise | requests().map(itemgetter(1)), max_size=4))
@QUICK
def test_any_bytes_mean_to_it_what_they_mean_to_uvicorn(compare: Comparison, parts: list[bytes]) -> None:
    compare(b"".join(parts))


@given(row=st.lists(requests(), min_size=1, max_size=3), cuts=st.lists(st.floats(0, 1), max_size=8))
@QUICK
async def test_the_pieces_do_not_matter(receiver: Running, row: list[tuple[str, bytes]], cuts: list[float]) -> None:
    data = b"".join(data for _, data in row)
    edges = [0, *sorted(int(cut * len(data)) for cut in cuts), len(data)]
    whole = await exchange(receiver.address, data)
    async with connected(receiver.address) as client:
        for start, end in pairwise(edges):
            client.send(data[start:end])
            await asyncio.sleep(0)
        client.finish()
        assert undated(await client.rest()) == undated(whole)


async def test_byte_by_byte_is_as_good_as_whole(receiver: Running) -> None:
    data = post() + request("GET", "/ping") + chunked(ALERT, b"\n") + post(b"{") + request("HEAD", "/healthz") + b"?"
    async with connected(receiver.address) as client:
        for byte in data:
            client.send(bytes([byte]))
            await asyncio.sleep(0)
        client.finish()
        assert undated(await client.rest()) == undated(await exchange(receiver.address, data))


def undated(data: bytes) -> list[bytes]:
    """Answers without the fields that tell the second and whether this one ends the connection."""
    return [line for line in data.split(b"\r\n") if not line.lower().startswith((b"date:", b"connection:"))]


@given(data=noise)
@example(data=post(b"abc", "/", "Connection: upgrade", "Upgrade: h2c") * 50)
@QUICK
async def test_no_bytes_crash_it_or_keep_it_waiting(receiver: Running, data: bytes) -> None:
    with contextlib.suppress(ConnectionError):
        answer = await exchange(receiver.address, data)
        assert not answer or answer.startswith(b"HTTP/1.1 ")
    assert receiver.refused.counts["fault"] == 0
    await until(lambda: not receiver.receiver.state.tasks)


@given(noises=st.lists(noise, min_size=1, max_size=3))
@QUICK
async def test_noise_after_alerts_costs_no_answer(receiver: Running, noises: list[bytes]) -> None:
    before = receiver.receiver.state.accepted
    answer = await exchange(receiver.address, post() * 3 + b"".join(noises))
    assert answer.count(b"HTTP/1.1 200 OK\r\nContent-Length: 0") >= 3
    assert receiver.receiver.state.accepted >= before + 3
