"""Answers come in the order of the requests, whoever gives them, and none is lost when a connection ends."""

import asyncio
from collections.abc import Sequence
from itertools import pairwise

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.deadline import until
from tests.receiver.client import ALERT, Answer, Client, chunked, connected, exchange, post, request, statuses
from tests.receiver.conftest import Running, Start

KINDS = {
    "alert": (post(), 200, b""),
    "chunked": (chunked(ALERT[:9], ALERT[9:]), 200, b""),
    "refused": (post(b"{"), 400, b"Please send a valid request body\n"),
    "page": (request("GET", "/ping"), 200, b"pong\n"),
    "page with a body": (post(b"x" * 100, "/healthz"), 200, b'{"status": "ok"}'),
    "test": (request("POST", "/test"), 200, b""),
    "metrics": (request("GET", "/metrics"), 200, b"m 1\n"),
}


@given(
    kinds=st.lists(st.sampled_from(sorted(KINDS)), min_size=1, max_size=12), cuts=st.lists(st.floats(0, 1), max_size=4)
)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_any_mix_of_requests_is_answered_in_order(
    receiver: Running, kinds: Sequence[str], cuts: Sequence[float]
) -> None:
    data = b"".join(KINDS[kind][0] for kind in kinds)
    edges = [0, *sorted(int(cut * len(data)) for cut in cuts), len(data)]
    async with connected(receiver.address) as client:
        for start, end in pairwise(edges):
            client.send(data[start:end])
            await asyncio.sleep(0)
        for kind in kinds:
            answer = await client.answer()
            assert (answer.status, answer.body) == KINDS[kind][1:]


async def test_every_answer_waits_for_the_alert_before_it(receiver: Running) -> None:
    receiver.inbox.hold = True
    async with connected(receiver.address) as client:
        client.send(post() + request("GET", "/ping") + post(b"{") + post() + request("GET", "/healthz"))
        await until(lambda: len(receiver.inbox.held) == 2)
        first, second = receiver.inbox.held
        second(None)
        answer = await still_waiting(receiver, client)
        first(None)
        answers = [await answer, *[await client.answer() for _ in range(4)]]
    assert [answer.status for answer in answers] == [200, 200, 400, 200, 200]
    assert answers[4].body == b'{"status": "ok"}'


async def still_waiting(receiver: Running, client: Client) -> asyncio.Task[Answer]:
    """The next answer, which has not come although another connection's whole exchange went by."""
    answer = asyncio.create_task(client.answer())
    await exchange(receiver.address, request("GET", "/ping"))
    assert not answer.done()
    return answer


async def test_more_pipelined_requests_than_the_stack_is_deep(receiver: Running) -> None:
    receiver.inbox.hold = True
    async with connected(receiver.address) as client:
        client.send(post() + request("GET", "/x") * 3000)
        await until(lambda: receiver.inbox.held)
        receiver.inbox.release()
        assert await client.statuses(3001) == [200] + [400] * 3000


async def test_reading_pauses_while_an_answer_is_due(receiver: Running) -> None:
    receiver.inbox.hold = True
    async with connected(receiver.address) as client:
        client.send(post())
        await until(lambda: receiver.inbox.held)
        flood = asyncio.create_task(send_all(client, post(ALERT.ljust(100_000)), 200))
        await until(lambda: client.writer.transport.get_write_buffer_size())
        for _ in range(20):
            await exchange(receiver.address, request("GET", "/ping"))
        assert not flood.done()
        assert len(receiver.inbox.held) < 10
        receiver.inbox.hold = False
        receiver.inbox.release()
        assert await client.statuses(201) == [200] * 201
        await flood


async def send_all(client: Client, data: bytes, times: int) -> None:
    for _ in range(times):
        client.send(data)
        await client.writer.drain()


async def test_a_sender_that_closed_its_half_is_still_answered(receiver: Running) -> None:
    receiver.inbox.hold = True
    async with connected(receiver.address) as client:
        client.send(post() + request("GET", "/ping") + post())
        client.finish()
        await until(lambda: len(receiver.inbox.held) == 2)
        receiver.inbox.release()
        assert statuses(await client.rest()) == [200, 200, 200]


async def test_a_request_cut_short_does_not_cost_the_answers_before_it(receiver: Running) -> None:
    cut = post(ALERT)[:-1]
    assert statuses(await exchange(receiver.address, post() + request("GET", "/ping") + cut)) == [200, 200, 400]
    assert [(entry.reason, entry.body) for entry in receiver.refused.entries] == [("cut short", ALERT[:-1])]


async def test_nothing_is_taken_after_connection_close(receiver: Running) -> None:
    for last in (post(ALERT, "/", "Connection: close"), request("GET", "/ping", "Connection: close")):
        async with connected(receiver.address) as client:
            client.send(post() + last + post())
            assert statuses(await client.rest()) == [200, 200]
    assert len(receiver.inbox.events) == 3


async def test_a_page_holds_back_the_alert_behind_it(start: Start) -> None:
    receiver = await start()
    receiver.inbox.hold = True
    async with connected(receiver.address) as client:
        client.send(request("POST", "/test") + post() + post(b"{"))
        await until(lambda: len(receiver.inbox.held) == 2)
        alert, page = receiver.inbox.held
        alert(None)
        answer = await still_waiting(receiver, client)
        page(None)
        assert (await answer).status == 200
        assert await client.statuses(2) == [200, 400]


async def test_a_sender_that_is_gone_is_no_one_to_answer(receiver: Running) -> None:
    receiver.inbox.hold = True
    async with connected(receiver.address) as client:
        client.send(post() + post())
        await until(lambda: len(receiver.inbox.held) == 2)
        client.writer.transport.abort()
        receiver.inbox.release()
        await until(lambda: receiver.connections == 0)
    assert receiver.receiver.state.accepted == 2


async def test_who_expects_100_behind_another_request_gets_it_in_turn(receiver: Running) -> None:
    receiver.inbox.hold = True
    async with connected(receiver.address) as client:
        client.send(post() + request("POST", "/", f"Content-Length: {len(ALERT)}", "Expect: 100-continue"))
        await until(lambda: receiver.inbox.held)
        answer = await still_waiting(receiver, client)
        receiver.inbox.hold = False
        receiver.inbox.release()
        assert (await answer).status == 200
        assert (await client.answer()).status == 100
        client.send(ALERT)
        assert await client.statuses(1) == [200]
