"""Whatever ends the process, every alert that was answered 200 is delivered, and under one id."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Iterator
from itertools import count
from pathlib import Path

import pytest

from tests.deadline import until
from tests.faults.endpoint import Endpoint
from tests.faults.falco import Falco
from tests.faults.sidekick import Sidekick

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
KILLS = 50
RESTARTS = 20


@pytest.fixture
async def endpoint() -> AsyncIterator[Endpoint]:
    async with Endpoint().listening() as endpoint:
        yield endpoint


async def post_until(ended: asyncio.Event, falco: Falco, numbers: Iterator[int]) -> None:
    while not ended.is_set():
        if await falco.post(next(numbers)) == 0:
            await asyncio.sleep(0.01)  # as a real Falco, whose next alert comes when it comes


async def through_ends(sidekick: Sidekick, ends: int, end: Callable[[], object]) -> set[int]:
    """Four Falcos post while the process ends `ends` times; gives the numbers that were answered 200."""
    falcos = [Falco(sidekick.port) for _ in range(4)]
    numbers, ended, chance = count(), asyncio.Event(), random.Random(4)
    load = [asyncio.create_task(post_until(ended, falco, numbers)) for falco in falcos]
    for _ in range(ends):
        await asyncio.to_thread(sidekick.start)
        goal = sum(len(falco.accepted) for falco in falcos) + chance.randrange(1, 400)
        await until(lambda goal=goal: sum(len(falco.accepted) for falco in falcos) >= goal)
        await asyncio.to_thread(end)
    ended.set()
    await asyncio.gather(*load)
    for falco in falcos:
        await falco.close()
    return set().union(*(falco.accepted for falco in falcos))


async def test_fifty_kills_under_load_lose_nothing(tmp_path: Path, endpoint: Endpoint) -> None:
    sidekick = Sidekick(tmp_path, webhook={"address": endpoint.url, "maxconcurrentrequests": 4})
    accepted = await through_ends(sidekick, KILLS, sidekick.kill)
    with sidekick:
        await until(lambda: accepted <= endpoint.times.keys(), what="all that was accepted")
    assert all(len(ids) == 1 for ids in endpoint.ids.values()), "a resend carries the id of the first send"
    assert endpoint.times.total() - len(endpoint.times) <= 4 * KILLS, "at most what was in flight is sent twice"


async def test_restarts_under_load_lose_nothing_and_send_nothing_twice(tmp_path: Path, endpoint: Endpoint) -> None:
    sidekick = Sidekick(tmp_path, webhook={"address": endpoint.url, "maxconcurrentrequests": 4})
    codes: list[int] = []
    accepted = await through_ends(sidekick, RESTARTS, lambda: codes.append(sidekick.end()))
    with sidekick:
        await until(lambda: accepted <= endpoint.times.keys(), what="all that was accepted")
    assert codes == [0] * RESTARTS
    assert endpoint.times.keys() == accepted, "what is delivered was answered 200"
    assert set(endpoint.times.values()) == {1}
