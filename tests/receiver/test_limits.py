"""No sender can make the receiver wait for ever, or hold more than its limits."""

import asyncio
import tracemalloc
from collections.abc import Iterator
from contextlib import AsyncExitStack

import pytest
from pydantic import ValidationError

from sidekick.receiver.settings import ReceiverSettings
from tests.deadline import until
from tests.receiver.client import ALERT, connected, exchange, post, request, statuses
from tests.receiver.conftest import Running, Start

MIB = 1 << 20


async def test_a_body_over_the_limit_is_413_and_kept_in_part(start: Start) -> None:
    receiver = await start(bodylimit=50_000)
    async with connected(receiver.address) as client:
        client.send(post(ALERT.ljust(50_000)) + post(b"a" * 200_000) + post())
        assert statuses(await client.rest()) == [200, 413]
    (entry,) = receiver.refused.entries
    assert (entry.reason, len(entry.body)) == ("size", 16 << 10)
    assert 50_000 < entry.length <= 200_000
    assert len(receiver.inbox.events) == 1


async def test_a_sender_still_busy_gets_to_read_its_413(start: Start) -> None:
    receiver = await start(bodylimit=1000)
    async with connected(receiver.address) as client:
        client.send(request("POST", "/", f"Content-Length: {50 * MIB}"))
        try:
            for _ in range(50):
                client.send(bytes(MIB))
                await client.writer.drain()
        except ConnectionError:
            pytest.fail("reset before the answer was read")
        assert (await client.answer()).status == 413


@pytest.mark.parametrize("path", ["/", "/ping"])
@pytest.mark.parametrize("pieces", [1, 3, 1000])
async def test_a_head_over_the_limit_is_431(receiver: Running, path: str, pieces: int) -> None:
    fields = [f"X-{number}: {'x' * (70_000 // pieces)}" for number in range(pieces)]
    async with connected(receiver.address) as client:
        client.send(request("POST", path, *fields))
        assert (await client.answer()).status == 431
        assert await client.rest() == b""


def endless_head() -> Iterator[bytes]:
    yield b"POST / HTTP/1.1\r\n"
    while True:
        yield b"X: " + b"x" * 5000 + b"\r\n"


def endless_field() -> Iterator[bytes]:
    yield b"POST / HTTP/1.1\r\nX: "
    while True:
        yield b"x" * 5000


def endless_path() -> Iterator[bytes]:
    yield b"POST /"
    while True:
        yield b"x" * 5000


def endless_chunks() -> Iterator[bytes]:
    yield request("POST", "/", "Transfer-Encoding: chunked")
    while True:
        yield b"1388\r\n" + b"x" * 5000 + b"\r\n"


def endless_small_chunks() -> Iterator[bytes]:
    yield request("POST", "/", "Transfer-Encoding: chunked")
    while True:
        yield b"1\r\nx\r\n" * 1000


def endless_chunk_extension() -> Iterator[bytes]:
    yield request("POST", "/", "Transfer-Encoding: chunked") + b"1;"
    while True:
        yield b"x" * 5000


def endless_trailers() -> Iterator[bytes]:
    yield request("POST", "/", "Transfer-Encoding: chunked") + b"1\r\nx\r\n0\r\n"
    while True:
        yield b"X: " + b"x" * 5000 + b"\r\n"


ENDLESS = [endless_head, endless_field, endless_path, endless_chunks, endless_small_chunks]
ENDLESS += [endless_chunk_extension, endless_trailers]


@pytest.mark.parametrize("endless", ENDLESS, ids=lambda endless: endless.__name__)
async def test_what_never_ends_is_ended_within_bounded_memory(start: Start, endless: type) -> None:
    receiver = await start(bodylimit=2 * MIB)
    async with connected(receiver.address) as client:
        tracemalloc.start()
        try:
            for piece in endless():
                client.send(piece)
                await client.writer.drain()
                if receiver.refused.counts:
                    break
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert statuses(await client.rest())[0] in (413, 431)
    # The body as it grows, its copy, and what the sender of this test buffers.
    assert peak < 8 * MIB


@pytest.mark.parametrize(("body", "status"), [(ALERT.ljust(MIB), 200), (b"{".ljust(MIB), 400)])
async def test_a_connection_at_rest_holds_no_body(receiver: Running, body: bytes, status: int) -> None:
    data = post(body)
    async with AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(connected(receiver.address)) for _ in range(10)]
        tracemalloc.start()
        try:
            for client in clients:
                client.send(data)
                assert await client.statuses(1) == [status]
            held, _ = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert held < 3 * MIB


async def test_a_head_that_does_not_come_is_408(start: Start) -> None:
    receiver = await start(headertimeout="200ms")
    async with connected(receiver.address) as client:
        client.send(post() + b"POST / HTT")
        assert await client.statuses(2) == [200, 408]
        assert await client.rest() == b""


async def test_a_head_that_drips_is_408_too(start: Start) -> None:
    receiver = await start(headertimeout="200ms")
    async with connected(receiver.address) as client:

        async def drip() -> None:
            for byte in request("POST", "/", "X: " + "x" * 1000):
                client.send(bytes([byte]))
                await asyncio.sleep(0.01)

        dripping = asyncio.create_task(drip())
        assert (await client.answer()).status == 408
        dripping.cancel()
        await asyncio.wait([dripping])


async def test_a_body_that_does_not_come_is_408_and_kept(start: Start) -> None:
    receiver = await start(requesttimeout="200ms")
    async with connected(receiver.address) as client:
        client.send(post()[:-5])
        assert (await client.answer()).status == 408
    assert [(entry.reason, entry.body) for entry in receiver.refused.entries] == [("slow", ALERT[:-5])]


async def test_a_page_s_body_that_does_not_come_closes_the_connection(start: Start) -> None:
    receiver = await start(requesttimeout="200ms")
    async with connected(receiver.address) as client:
        client.send(request("POST", "/ping", "Content-Length: 9"))
        assert (await client.answer()).status == 200
        assert await client.closed()


async def test_a_connection_without_a_request_is_closed_as_a_slow_head(start: Start) -> None:
    receiver = await start(headertimeout="200ms")
    async with connected(receiver.address) as client:
        assert await client.rest() == b""


async def test_a_connection_rests_until_the_idle_timeout(start: Start) -> None:
    receiver = await start(headertimeout="100ms", requesttimeout="100ms", idletimeout="600ms")
    loop = asyncio.get_running_loop()
    async with connected(receiver.address) as client:
        client.send(post())
        assert (await client.answer()).status == 200
        begin = loop.time()
        assert await client.rest() == b""
        assert loop.time() - begin > 0.4


async def test_an_answer_that_takes_long_is_waited_for(start: Start) -> None:
    receiver = await start(headertimeout="100ms", requesttimeout="100ms", idletimeout="100ms")
    receiver.inbox.hold = True
    async with connected(receiver.address) as client, connected(receiver.address) as other:
        client.send(post() + post()[:-1])
        await until(lambda: receiver.inbox.held)
        assert await other.closed()  # by then every time-out is over
        assert receiver.connections == 1
        client.send(b"}")
        receiver.inbox.hold = False
        receiver.inbox.release()
        assert await client.statuses(2) == [200, 200]


async def test_a_peer_that_does_not_read_is_cut_off(start: Start) -> None:
    receiver = await start(requesttimeout="300ms")
    reader, writer = await asyncio.open_connection(*receiver.address, limit=1000)
    writer.transport.pause_reading()
    writer.write(request("GET", "/x") * 200_000)
    await until(lambda: receiver.connections == 0)
    writer.transport.abort()
    assert not reader.at_eof()


async def test_one_connection_too_many_is_503(start: Start) -> None:
    receiver = await start(connections=2)
    async with connected(receiver.address) as one, connected(receiver.address) as two:
        one.send(post())
        two.send(post())
        assert await one.statuses(1) + await two.statuses(1) == [200, 200]
        async with connected(receiver.address) as three:
            assert (await three.answer()).status == 503
            assert await three.rest() == b""
        one.send(post())
        assert await one.statuses(1) == [200]
    await until(lambda: receiver.connections == 0)
    assert statuses(await exchange(receiver.address, post())) == [200]


@pytest.mark.parametrize("name", ["headertimeout", "requesttimeout", "idletimeout"])
def test_no_time_at_all_is_refused_where_it_is_written(name: str) -> None:
    with pytest.raises(ValidationError, match=name):
        ReceiverSettings.model_validate({name: 0})
