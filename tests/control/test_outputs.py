"""What people see of the outputs and do with them, over real workers."""

import asyncio
import time
from pathlib import Path

import pytest
from aiohttp import web

from outputs.webhook import Settings as WebhookSettings
from outputs.webhook import Webhook
from sidekick.control import RefusedError
from sidekick.control.sending import Sendings
from sidekick.event import Event
from sidekick.pipeline import SilenceSettings
from sidekick.sdk.output import Context
from tests.control.behaviour import be_away, refuse
from tests.control.office import office
from tests.deadline import until
from tests.faults.endpoint import Endpoint, hang, take
from tests.faults.falco import number_of


async def test_an_output_stands_as_its_worker_does(tmp_path: Path, endpoint: Endpoint) -> None:
    async with office(tmp_path, endpoint) as one:
        await one.accept(1, 2)
        await until(lambda: one.workers["webhook"].counts.delivered == 2)
        state = await one.state()
        assert (state.title, state.category, state.status, state.waiting) == ("Webhook", "web", "ok", 0)
        endpoint.behaviour = be_away
        await one.accept(3)
        await until(lambda: one.workers["webhook"].status == "failing")
        state = await one.state()
        assert (state.waiting, state.delivered, state.dead) == (1, 2, 0)
        assert "503" in state.last_error


async def test_a_pause_outlives_the_process(tmp_path: Path, endpoint: Endpoint) -> None:
    async with office(tmp_path, endpoint) as one:
        await one.service.outputs.pause("webhook", "mara")
        (event,) = await one.accept(1)
        assert await one.fate(event) == ("waiting", "paused by mara")
    async with office(tmp_path, endpoint) as again:
        await again.accept(2)
        state = await again.state()
        assert (state.status, state.waiting) == ("paused", 2)
        assert not endpoint.times
        await again.service.outputs.resume("webhook", "tom")
        await until(lambda: len(endpoint.times) == 2, what="both alerts")
        assert [(entry.by, entry.action, entry.target) for entry in await again.trail()] == [
            ("mara", "pause", "webhook"),
            ("tom", "resume", "webhook"),
        ]


async def test_a_test_event_passes_filter_pause_and_journal(tmp_path: Path, endpoint: Endpoint) -> None:
    async with office(tmp_path, endpoint, filter="rule = nothing") as one:
        await one.service.outputs.pause("webhook", "mara")
        before = one.journal.next_seq
        assert await one.service.outputs.test("webhook", "mara") == "webhook took the test event."
        assert [Event.from_json(body).rule for body in endpoint.bodies] == ["Test rule"]
        assert one.journal.next_seq == before


@pytest.mark.parametrize(("behaviour", "reason"), [(refuse, "400: no_text"), (be_away, "503"), (hang, "no answer")])
async def test_a_test_event_that_is_not_taken_says_why(
    tmp_path: Path, endpoint: Endpoint, behaviour: object, reason: str
) -> None:
    async with office(tmp_path, endpoint, timeout="100ms" if behaviour is hang else "30s") as one:
        endpoint.behaviour = behaviour  # type: ignore[assignment]
        with pytest.raises(RefusedError, match=reason):
            await one.service.outputs.test("webhook", "mara")


async def test_a_test_that_is_not_taken_is_told_as_one(
    tmp_path: Path, endpoint: Endpoint, caplog: pytest.LogCaptureFixture
) -> None:
    async with office(tmp_path, endpoint) as one:
        endpoint.behaviour = be_away
        with pytest.raises(RefusedError):
            await one.service.outputs.test("webhook", "mara")
    told = [line for line in caplog.messages if "webhook" in line]
    assert told == ["webhook, by hand: not delivered: HTTP 503: (no body)"]


async def test_the_store_takes_a_test_event_beside_its_worker(tmp_path: Path, endpoint: Endpoint) -> None:
    async with office(tmp_path, endpoint) as one:
        await one.accept(1)
        assert await one.service.outputs.test("store", "mara") == "store took the test event."
        (event,) = await one.accept(2)
        assert await one.service.reader.one(event.uuid)
        assert one.workers["store"].counts.attempts["retryable"] == 0


async def test_a_window_is_sent_again(tmp_path: Path, endpoint: Endpoint) -> None:
    async with office(tmp_path, endpoint, filter="test.number != 3") as one:
        await one.accept(1)
        since = time.time()
        await one.accept(2, 3, 4)
        await until(lambda: one.workers["webhook"].cursor.waiting == 0)
        said = await one.service.outputs.replay("webhook", since, "mara")
        assert said == "webhook: 2 alerts sent again, 1 not for this output."
        assert endpoint.times == {1: 1, 2: 2, 4: 2}
        assert [len(ids) for ids in endpoint.ids.values()] == [1, 1, 1]
        assert f"webhook: {(await one.state()).replay}" == said
        assert await one.service.outputs.replay("webhook", time.time() + 5, "mara") == "Nothing has arrived since then."
        assert await one.service.outputs.replay("webhook", 0, "mara", since) == "webhook: 1 alert sent again."
        assert endpoint.times == {1: 2, 2: 2, 4: 2}


async def test_a_replay_goes_on_behind_the_page_until_it_is_stopped(tmp_path: Path, endpoint: Endpoint) -> None:
    async with office(tmp_path, endpoint) as one:
        await one.accept(1, 2)
        await until(lambda: len(endpoint.times) == 2)
        endpoint.behaviour = be_away
        said = await one.service.outputs.replay("webhook", 0, "mara")
        assert "now failing: HTTP 503" in said
        with pytest.raises(RefusedError, match="already"):
            await one.service.outputs.replay("webhook", 0, "mara")
        await one.service.outputs.pause("webhook", "mara")
        await until(lambda: one.journal.cursors == ["store", "webhook"], what="the replay has ended")
        assert "stopped: HTTP 503" in (await one.state()).replay
        with pytest.raises(RefusedError, match="paused"):
            await one.service.outputs.replay("webhook", 0, "mara")


async def test_what_a_stopped_replay_has_sent_beside_one_that_failed_is_counted(
    tmp_path: Path, endpoint: Endpoint
) -> None:
    async def answer(body: bytes) -> web.Response:
        return await (be_away if number_of(body) == 1 else take)(body)

    async with office(tmp_path, endpoint, maxconcurrentrequests=3) as one:
        await one.accept(1, 2, 3)
        await until(lambda: one.workers["webhook"].cursor.waiting == 0)
        endpoint.behaviour = answer
        await one.service.outputs.replay("webhook", 0, "mara")
        await until(lambda: endpoint.times == {1: 1, 2: 2, 3: 2})
        await one.service.outputs.pause("webhook", "mara")
        await until(lambda: one.journal.cursors == ["store", "webhook"], what="the replay has ended")
        assert (await one.state()).replay == "2 alerts sent again, stopped: HTTP 503: (no body)."


async def test_the_service_ends_while_a_replay_runs(tmp_path: Path, endpoint: Endpoint) -> None:
    async with office(tmp_path, endpoint) as one:
        await one.accept(1)
        await until(lambda: endpoint.times)
        endpoint.behaviour = hang
        assert "going on" in await one.service.outputs.replay("webhook", 0, "mara")


async def test_an_alert_s_fate_is_told_output_by_output(tmp_path: Path, endpoint: Endpoint) -> None:
    async with office(tmp_path, endpoint, filter="test.number < 10") as one:
        (delivered, filtered) = await one.accept(1, 10)
        await until(lambda: one.workers["webhook"].cursor.waiting == 0)
        status, detail = await one.fate(delivered)
        assert status == "delivered"
        assert detail.endswith("at the first try")
        assert await one.fate(filtered) == ("filtered", "fails its filter")

        endpoint.behaviour = refuse
        (dead,) = await one.accept(2)
        await until(lambda: one.box("webhook").letters())
        assert await one.fate(dead) == ("dead", "HTTP 400: no_text")
        assert (await one.state()).dead == 1

        one.silences.add(SilenceSettings(filter="test.number = 3", until="2999-01-01T00:00:00Z"))  # type: ignore[arg-type]
        (silenced,) = await one.accept(3)
        await until(lambda: one.workers["webhook"].cursor.waiting == 0)
        assert await one.fate(silenced) == ("silenced", "")

        endpoint.behaviour = be_away
        (waiting,) = await one.accept(4)
        await until(lambda: one.workers["webhook"].last_error)
        status, detail = await one.fate(waiting)
        assert status == "waiting"
        assert "503" in detail
        endpoint.behaviour = take
        await until(lambda: one.workers["webhook"].cursor.waiting == 0)
        status, detail = await one.fate(waiting)
        assert status == "delivered"
        assert "tries" in detail
        (found, _) = sorted(await one.service.outputs.deliveries(waiting.uuid), key=lambda one: one.output != "webhook")
        assert [attempt.outcome for attempt in found.attempts] == ["retryable", "ok"]
        assert await one.service.outputs.deliveries("nowhere") == []


async def test_after_a_restart_what_was_passed_is_still_told(tmp_path: Path, endpoint: Endpoint) -> None:
    async with office(tmp_path, endpoint) as one:
        (event,) = await one.accept(1)
        await until(lambda: one.workers["webhook"].cursor.waiting == 0)
    async with office(tmp_path, endpoint) as again:
        assert await again.fate(event) == ("delivered", "")
        again.roster.settle({"store": 0})
        again.roster.settle({"store": 0, "webhook": 1})
        assert await again.fate(event) == ("unknown", "It came before this output was known.")


async def test_what_there_is_not_cannot_be_done(tmp_path: Path, endpoint: Endpoint) -> None:
    async with office(tmp_path, endpoint) as one:
        for change in (one.service.outputs.pause, one.service.outputs.resume, one.service.outputs.test):
            with pytest.raises(RefusedError, match="no output 'slack'"):
                await change("slack", "mara")
        assert await one.trail() == []


async def test_nothing_is_done_untold(tmp_path: Path, endpoint: Endpoint) -> None:
    (tmp_path / "trail.jsonl").mkdir()
    async with office(tmp_path, endpoint) as one:
        with pytest.raises(RefusedError, match="Nothing was done"):
            await one.service.outputs.pause("webhook", "mara")
        assert (await one.state()).status != "paused"


async def test_what_fails_after_nobody_waits_for_it_is_told_by_the_log(caplog: pytest.LogCaptureFixture) -> None:
    go_on = asyncio.Event()

    async def work() -> str:
        await go_on.wait()
        raise RefusedError("webhook is paused: resume it first.")

    sendings = Sendings(lambda name: Webhook(WebhookSettings(), Context()), patience=0.01)
    assert await sendings.patiently(work(), "webhook") == "webhook: beginning."
    go_on.set()
    await until(lambda: caplog.records)
    assert caplog.messages == ["webhook: webhook is paused: resume it first."]
    await sendings.close()
