"""Closing answers what was read, says so, and keeps nobody waiting."""

import asyncio

import pytest

from tests.deadline import until
from tests.receiver.client import ALERT, WAIT, connected, post, request
from tests.receiver.conftest import Running, Start


async def test_requests_in_hand_are_answered_with_connection_close(receiver: Running) -> None:
    receiver.inbox.hold = True
    async with connected(receiver.address) as waiting, connected(receiver.address) as reading:
        waiting.send(post())
        reading.send(post()[:-1])
        await until(lambda: receiver.inbox.held and receiver.connections == 2)
        closing = asyncio.create_task(receiver.receiver.close(WAIT))
        await until(lambda: receiver.receiver.state.closing)
        reading.send(ALERT[-1:])
        await until(lambda: len(receiver.inbox.held) == 2)
        receiver.inbox.release()
        for client in (waiting, reading):
            answer = await client.answer()
            assert (answer.status, answer.headers["connection"]) == (200, "close")
            assert await client.rest() == b""
    await closing


async def test_a_page_in_hand_is_answered_too(receiver: Running) -> None:
    receiver.inbox.hold = True
    async with connected(receiver.address) as client:
        client.send(request("POST", "/test"))
        await until(lambda: receiver.inbox.held)
        closing = asyncio.create_task(receiver.receiver.close(WAIT))
        await until(lambda: receiver.receiver.state.closing)
        receiver.inbox.release()
        answer = await client.answer()
        assert (answer.status, answer.headers["connection"]) == (200, "close")
    await closing


async def test_resting_connections_are_closed_and_new_ones_refused(receiver: Running) -> None:
    address = receiver.address
    async with connected(address) as client:
        client.send(post())
        assert await client.statuses(1) == [200]
        await receiver.receiver.close(WAIT)
        assert await client.rest() == b""
    try:
        async with connected(address):
            raise AssertionError("still listening")
    except ConnectionRefusedError:
        pass


@pytest.mark.parametrize("data", [post(), request("GET", "/ping")])
async def test_a_sender_only_just_connected_may_still_send(receiver: Running, data: bytes) -> None:
    async with connected(receiver.address) as client:
        await until(lambda: receiver.connections)
        closing = asyncio.create_task(receiver.receiver.close(WAIT))
        await until(lambda: receiver.receiver.state.closing)
        client.send(data)
        answer = await client.answer()
        assert (answer.status, answer.headers["connection"]) == (200, "close")
    await closing


async def test_who_never_finishes_is_given_up_after_the_grace(start: Start) -> None:
    receiver = await start()
    async with connected(receiver.address) as client, connected(receiver.address) as silent:
        client.send(post()[:-1])
        await until(lambda: receiver.connections == 2)
        async with asyncio.timeout(WAIT):
            await receiver.receiver.close(grace=0.1)
        assert await client.closed()
        assert await silent.closed()
    assert receiver.refused.counts == {"cut short": 1}
