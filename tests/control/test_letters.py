"""Dead letters of real workers: seen, sent again, dropped."""

from pathlib import Path

import pytest
from aiohttp import web

from sidekick.control import RefusedError
from sidekick.event import Event, decode
from tests.control.behaviour import be_away, refuse
from tests.control.office import Office, office
from tests.deadline import until
from tests.faults.endpoint import Endpoint, take
from tests.faults.falco import body, number_of


async def buried(one: Office, endpoint: Endpoint, *numbers: int) -> list[Event]:
    endpoint.behaviour = refuse
    events = await one.accept(*numbers)
    await until(lambda: one.workers["webhook"].counts.dead == len(numbers), what="dead letters")
    return events


async def ids(one: Office) -> list[str]:
    return [letter.id for _, letter in await one.service.letters.newest("", 100)]


async def test_the_newest_comes_first(tmp_path: Path, endpoint: Endpoint) -> None:
    async with office(tmp_path, endpoint) as one:
        events = await buried(one, endpoint, 1, 2, 3)
        for output in ("", "webhook"):
            found = await one.service.letters.newest(output, 2)
            assert [(name, letter.id, letter.reason) for name, letter in found] == [
                ("webhook", event.uuid, "HTTP 400: no_text") for event in events[:0:-1]
            ]
        assert await one.service.letters.newest("store", 2) == []
        assert await one.service.letters.counts() == {"webhook": 3}
        assert list(await one.service.letters.find("webhook", [events[1].uuid, "none"])) == [events[1].uuid]


async def test_what_is_taken_now_leaves_the_list(tmp_path: Path, endpoint: Endpoint) -> None:
    async with office(tmp_path, endpoint) as one:
        first, second = await buried(one, endpoint, 1, 2)
        endpoint.behaviour = take
        picked = [first.uuid, "gone", first.uuid]
        assert await one.service.letters.replay("webhook", picked, "mara") == "webhook: 1 replayed."
        assert await ids(one) == [second.uuid]
        assert endpoint.ids == {1: {first.uuid}}
        (entry,) = await one.trail()
        assert (entry.by, entry.action, entry.target) == ("mara", "replay dead letters", "webhook")
        assert entry.detail == first.uuid


async def test_what_is_refused_again_stays_and_says_why(tmp_path: Path, endpoint: Endpoint) -> None:
    async with office(tmp_path, endpoint) as one:
        letters = await buried(one, endpoint, 1, 2)
        with pytest.raises(RefusedError, match=r"0 of 2 replayed.*no_text"):
            await one.service.letters.replay("webhook", [letter.uuid for letter in letters], "mara")
        endpoint.behaviour = be_away
        with pytest.raises(RefusedError, match=r"0 of 2 replayed.*503"):
            await one.service.letters.replay("webhook", [letter.uuid for letter in letters], "mara")
        await one.service.outputs.pause("webhook", "mara")
        with pytest.raises(RefusedError, match="paused"):
            await one.service.letters.replay("webhook", [letters[0].uuid], "mara")
        assert len(await ids(one)) == 2


async def test_what_is_taken_beside_one_that_fails_leaves_the_list(tmp_path: Path, endpoint: Endpoint) -> None:
    """Four in flight: one fails, one is refused, two are taken."""

    async def answer(body: bytes) -> web.Response:
        return await {1: be_away, 2: refuse}.get(number_of(body) or 0, take)(body)

    async with office(tmp_path, endpoint, maxconcurrentrequests=4) as one:
        letters = await buried(one, endpoint, 1, 2, 3, 4)
        endpoint.behaviour = answer
        with pytest.raises(RefusedError, match=r"2 of 4 replayed; the rest stays here"):
            await one.service.letters.replay("webhook", [letter.uuid for letter in letters], "mara")
        assert sorted(await ids(one)) == sorted(letter.uuid for letter in letters[:2])
        endpoint.behaviour = take
        assert await one.service.letters.replay("webhook", await ids(one), "mara") == "webhook: 2 replayed."
        assert endpoint.times == {1: 1, 2: 1, 3: 1, 4: 1}


async def test_what_was_told_in_a_digest_that_is_refused_stays(tmp_path: Path, endpoint: Endpoint) -> None:
    async with office(tmp_path, endpoint, group={"window": "1h"}) as one:
        letters = [decode(body(number))[0] for number in (1, 2, 3)]
        for letter in letters:
            await one.box("webhook").add(letter, "no_text")
        picked = [letter.uuid for letter in letters]
        endpoint.behaviour = refuse
        with pytest.raises(RefusedError, match=r"0 of 3 replayed.*no_text"):
            await one.service.letters.replay("webhook", picked, "mara")
        assert sorted(await ids(one)) == sorted(picked)
        endpoint.behaviour = take
        assert await one.service.letters.replay("webhook", picked, "mara") == "webhook: 3 replayed."
        assert len(endpoint.bodies) == 2
        assert await ids(one) == []


async def test_a_dropped_one_is_gone(tmp_path: Path, endpoint: Endpoint) -> None:
    async with office(tmp_path, endpoint) as one:
        first, second = await buried(one, endpoint, 1, 2)
        assert await one.service.letters.drop("webhook", [first.uuid], "mara") == "webhook: 1 dropped."
        assert await ids(one) == [second.uuid]
        with pytest.raises(RefusedError, match="any more"):
            await one.service.letters.drop("webhook", [first.uuid], "mara")


async def test_no_name_leads_to_another_file(tmp_path: Path, endpoint: Endpoint) -> None:
    async with office(tmp_path / "home", endpoint) as one:
        (event,) = await buried(one, endpoint, 1)
        (tmp_path / "home/dead-letters/webhook.jsonl").rename(tmp_path / "elsewhere.jsonl")
        with pytest.raises(RefusedError, match="any more"):
            await one.service.letters.drop("../../elsewhere", [event.uuid], "mara")
        with pytest.raises(RefusedError, match="not on"):
            await one.service.letters.replay("../../elsewhere", [event.uuid], "mara")
