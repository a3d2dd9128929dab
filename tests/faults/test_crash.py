"""Whatever ends the process, every alert that was answered 200 is delivered, and under one id."""

import asyncio
import random
from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from itertools import count
from pathlib import Path

import pytest

from tests.deadline import until
from tests.faults.endpoint import Endpoint
from tests.faults.falco import Falco, id_of, number_of
from tests.faults.sidekick import Sidekick

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
KILLS = 50
RESTARTS = 20


@pytest.fixture
async def endpoint() -> AsyncIterator[Endpoint]:
    async with Endpoint().listening() as endpoint:
        yield endpoint


async def post_until(ended: asyncio.Event, falco: Falco, numbers: "count[int]") -> None:
    while not ended.is_set():
        if await falco.post(next(numbers)) == 0:
            await asyncio.sleep(0.01)  # as a real Falco, whose next alert comes when it comes


async def through_ends(sidekick: Sidekick, ends: int, end: "callable") -> set[int]:  # type: ignore[valid-type]
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
        await until(lambda: accepted <= {number_of(body) for body in endpoint.bodies}, what="all that was accepted")
    ids = defaultdict[int, set[str]](set)
    for body in endpoint.bodies:
        ids[number_of(body)].add(id_of(body))
    assert all(len(of_one) == 1 for of_one in ids.values()), "a resend carries the id of the first send"
    assert len(endpoint.bodies) - len(ids) <= 4 * KILLS, "at most what was in flight is sent twice"


async def test_restarts_under_load_lose_nothing_and_send_nothing_twice(tmp_path: Path, endpoint: Endpoint) -> None:
    sidekick = Sidekick(tmp_path, webhook={"address": endpoint.url, "maxconcurrentrequests": 4})
    codes: list[int] = []
    accepted = await through_ends(sidekick, RESTARTS, lambda: codes.append(sidekick.end()))
    with sidekick:
        await until(lambda: accepted <= {number_of(body) for body in endpoint.bodies}, what="all that was accepted")
    assert codes == [0] * RESTARTS
    times = Counter(number_of(body) for body in endpoint.bodies)
    assert set(times) == accepted, "what is delivered was answered 200"
    assert set(times.values()) == {1}
