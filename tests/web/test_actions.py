"""What can be done on the pages, by whom, in a real browser."""

import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from sidekick.pipeline import SilenceSettings
from tests.web.alerts import HOSTILE_RULE, alert, hostile
from tests.web.conftest import Tabs
from tests.web.site import Access, State, Visitor, site

pytestmark = pytest.mark.service
SLACK = State("slack", "Slack", "chat", "failing", 3, 4000.0, "answered 404: no such hook", delivered=17)
KAFKA = State("kafka", "Kafka", "queue")


async def said(page: Page, text: str) -> None:
    """An outcome, where the keyboard goes on."""
    message = page.locator("#said")
    await expect(message).to_contain_text(text)
    await expect(message).to_be_focused()


async def log_in(page: Page, password: str) -> None:
    await page.get_by_label("Name").fill("admin")
    await page.get_by_label("Password").fill(password)
    await page.get_by_role("button", name="Log in").click()


async def test_outputs_pause_resume_test_and_replay(tmp_path: Path, tabs: Tabs) -> None:
    async with site(tmp_path, SLACK, KAFKA) as served:
        page = await tabs.open(f"{served.url}/outputs")
        slack = page.get_by_role("row", name="Slack")
        await expect(slack).to_contain_text("failing")
        await expect(slack).to_contain_text("no such hook")
        await expect(slack).to_contain_text("1.11 h")

        await slack.get_by_role("button", name="Pause").click()
        await said(page, "slack is paused")
        await expect(slack).to_contain_text("paused")
        await slack.get_by_role("button", name="Resume").click()
        await said(page, "delivers again")
        await slack.get_by_role("button", name="Test").click()
        await said(page, "took the test event")
        await slack.get_by_text("Replay slack").click()
        await slack.get_by_label("Since").fill("6h")
        await slack.get_by_role("button", name="Replay").click()
        await said(page, "12 alerts sent again")
        steps = ("pause", "resume", "test", "replay 360 min")
        assert served.outputs.done == [(what, "slack", "local") for what in steps]


async def test_a_replay_may_have_an_end_and_makes_sense(tmp_path: Path, tabs: Tabs) -> None:
    async with site(tmp_path, SLACK, KAFKA) as served:
        page = await tabs.open(f"{served.url}/outputs")
        slack = page.get_by_role("row", name="Slack")
        await slack.get_by_text("Replay slack").click()
        for since, until, outcome in (
            ("6h", "yesterday", "Nothing was sent: write a duration"),
            ("1h", "2h", "Nothing was sent: it would end before it begins."),
        ):
            await slack.get_by_label("Since").fill(since)
            await slack.get_by_label("Until").fill(until)
            await page.keyboard.press("Enter")
            await said(page, outcome)
            await expect(slack.get_by_label("Since")).to_have_value(since)
        await expect(page.get_by_role("row", name="Kafka").get_by_label("Since")).to_be_hidden()
        await slack.get_by_label("Since").fill("6h")
        await slack.get_by_label("Until").fill("90m")
        await page.keyboard.press("Enter")
        await said(page, "12 alerts sent again")
        await expect(slack.get_by_label("Since")).to_be_hidden()
        assert served.outputs.done == [("replay 360 to 90 min", "slack", "local")]


async def test_a_configuration_that_cannot_be_taken_is_told_on_every_page_until_it_can(
    tmp_path: Path, tabs: Tabs
) -> None:
    async with site(tmp_path, SLACK) as served:
        event = alert(time.time())
        await served.add(event)
        page = await tabs.open(f"{served.url}/outputs")
        notice = page.get_by_role("complementary", name="Configuration")
        await expect(notice).to_have_count(0)
        served.reload.problem = f"slack.webhookurl: {HOSTILE_RULE}\n  in /etc/sidekick/sidekick.yaml"
        await expect(notice).to_contain_text("not the one that is written")  # the page renews itself
        for path in ("/events", f"/events/{event.uuid}", "/dead-letters", "/silences", "/blocks", "/senders", "/trail"):
            await page.goto(served.url + path)
            await expect(notice).to_contain_text("in /etc/sidekick/sidekick.yaml")
            assert await page.locator("aside script, aside img").count() == 0
        await page.goto(f"{served.url}/outputs")
        served.reload.problem = ""
        await page.get_by_role("button", name="Pause").click()
        await said(page, "slack is paused")
        await expect(notice).to_have_count(0)


async def test_every_page_says_so_while_no_alert_is_taken(tmp_path: Path, tabs: Tabs) -> None:
    async with site(tmp_path, SLACK) as served:
        page = await tabs.open(f"{served.url}/outputs")
        notice = page.get_by_role("complementary", name="Alerts")
        await expect(notice).to_have_count(0)
        served.intake.obstacle = "the journal cannot be written: No space left on device"
        await expect(notice).to_contain_text("No alert is taken: the journal cannot be written")  # it renews itself
        await page.goto(f"{served.url}/events")
        await expect(notice).to_contain_text("No space left on device")


async def test_an_answer_that_is_no_page_takes_the_place_of_nothing(tmp_path: Path, tabs: Tabs) -> None:
    async with site(tmp_path, SLACK) as served:
        page = await tabs.open(f"{served.url}/outputs")
        slack = page.get_by_role("row", name="Slack")
        await page.route("**/outputs/slack", lambda route: route.fulfill(body="<h1>Bad gateway</h1>"))
        await page.get_by_role("button", name="Pause").click()
        await expect(page.get_by_role("alert")).to_contain_text("does not answer as it should")
        await expect(slack).to_contain_text("failing")
        await page.unroute("**/outputs/slack")
        await page.get_by_role("button", name="Pause").click()
        await said(page, "slack is paused")
        await expect(page.get_by_role("alert")).to_have_count(0)


async def test_a_form_that_is_open_is_not_taken_away(tmp_path: Path, tabs: Tabs) -> None:
    async with site(tmp_path, SLACK) as served:
        page = await tabs.open()
        await page.clock.install()
        await page.goto(f"{served.url}/outputs")
        await page.get_by_text("Replay slack").click()
        await page.get_by_role("heading", level=1).click()
        await page.wait_for_load_state("networkidle")
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        await page.clock.run_for(10_000)
        assert asked == []
        await page.get_by_text("Replay slack").click()
        await page.get_by_role("heading", level=1).click()
        async with page.expect_response("**/outputs"):
            await page.clock.run_for(3000)


async def test_the_state_of_outputs_renews_itself(tmp_path: Path, tabs: Tabs) -> None:
    async with site(tmp_path, SLACK) as served:
        page = await tabs.open(f"{served.url}/outputs")
        served.outputs.change("slack", status="ok", last_error="", delivered=20)
        await expect(page.get_by_role("row", name="Slack")).to_contain_text("20")
        await expect(page.get_by_text("no such hook")).to_have_count(0)


async def test_dead_letters_are_shown_replayed_and_dropped(tmp_path: Path, tabs: Tabs) -> None:
    async with site(tmp_path, SLACK, KAFKA) as served:
        events = [alert(time.time(), rule=f"Rule {number}") for number in range(3)]
        for event in events:
            await served.letters.boxes["slack"].add(event, "answered 400: too long")
        await served.letters.boxes["kafka"].add(hostile(time.time()), f"refused: {HOSTILE_RULE}")

        page = await tabs.open(f"{served.url}/dead-letters")
        await expect(page.get_by_role("row")).to_have_count(5)
        assert await page.locator("main script, main img").count() == 0
        await page.get_by_role("link", name="slack", exact=True).click()
        await expect(page.get_by_role("row")).to_have_count(4)
        row = page.get_by_role("row", name="Rule 1")
        await expect(row).to_contain_text("too long")
        await row.get_by_text("Show").click()
        await expect(row).to_contain_text('"proc.cmdline":"bash -i"')

        await page.get_by_role("button", name="Replay").click()
        await said(page, "Pick the letters first")
        await row.get_by_role("checkbox").check()
        await page.get_by_role("button", name="Replay").click()
        await said(page, "slack: 1 replayed")
        assert sorted(served.letters.boxes["slack"].letters()) == sorted(event.uuid for event in events[::2])

        await page.get_by_role("button", name="Pick all").click()
        tabs.answers += [("for good?", False), ("for good?", True)]
        await page.get_by_role("button", name="Drop").click()
        assert len(served.letters.boxes["slack"].letters()) == 2
        await page.get_by_role("button", name="Drop").click()
        await said(page, "slack: 2 dropped")
        await expect(page.get_by_role("main")).to_contain_text("No dead letters of slack")


async def test_more_letters_than_a_page_holds_are_sent_again_by_a_command(tmp_path: Path, tabs: Tabs) -> None:
    async with site(tmp_path, SLACK) as served:
        for number in range(201):
            await served.letters.boxes["slack"].add(alert(time.time() - number), "too long")
        page = await tabs.open(f"{served.url}/dead-letters?output=slack")
        main = page.get_by_role("main")
        await expect(main).to_contain_text("And 1 more letter.")
        await expect(main).to_contain_text("replay --output slack --all")


async def test_an_event_is_silenced_and_the_silence_ended(tmp_path: Path, tabs: Tabs) -> None:
    async with site(tmp_path) as served:
        event, other = alert(time.time()), alert(time.time(), rule="Another")
        await served.add(event)
        page = await tabs.open(f"{served.url}/events/{event.uuid}")
        await page.get_by_role("link", name="Silence like this").click()
        await page.get_by_label("Reason").fill("a known job")
        await page.get_by_role("button", name="Silence", exact=True).click()
        await said(page, "Silenced until")
        (silence,) = served.silencing.active()
        assert (silence.author, silence.reason) == ("local", "a known job")
        assert served.silences.covers(event)
        assert not served.silences.covers(other)

        await page.get_by_role("button", name="End silence").click()
        await said(page, "has ended")
        assert served.silencing.active() == []

        await page.get_by_label("What is silenced").fill("priority >> Warning")
        await page.get_by_label("For").select_option("7 days")
        await page.get_by_label("Reason").fill("none")
        await page.get_by_role("button", name="Silence", exact=True).click()
        await said(page, "at character")
        await expect(page.get_by_label("What is silenced")).to_have_value("priority >> Warning")
        await expect(page.get_by_label("For")).to_have_value("7 days")
        await expect(page.get_by_label("Reason")).to_have_value("none")
        await page.get_by_label("What is silenced").fill("priority >= Warning")
        await page.get_by_role("button", name="Silence", exact=True).click()
        await said(page, "Silenced until")
        await expect(page.get_by_label("Reason")).to_have_value("")


async def test_a_source_is_blocked_and_unblocked(tmp_path: Path, tabs: Tabs) -> None:
    async with site(tmp_path, blocker=True) as served:
        event = alert(time.time(), output_fields={"fd.cip": "8.8.4.4", "fd.sip": "10.0.0.1"})
        await served.add(event)
        page = await tabs.open(f"{served.url}/events/{event.uuid}")
        await page.get_by_role("link", name="Block 8.8.4.4").click()
        await page.get_by_label("Reason").fill("a scan")
        await page.get_by_role("button", name="Block", exact=True).click()
        await said(page, "8.8.4.4 is blocked")
        row = page.get_by_role("row", name="8.8.4.4")
        await expect(row).to_contain_text("a scan (local)")
        await expect(row.get_by_role("link")).to_have_attribute("href", f"/events/{event.uuid}")

        await page.get_by_label("Address").fill("127.0.0.1")
        await page.get_by_label("For").select_option("7 days")
        await page.get_by_label("Reason").fill("by mistake")
        await page.get_by_role("button", name="Block", exact=True).click()
        await said(page, "127.0.0.1 is not blocked")
        await expect(page.get_by_label("Address")).to_have_value("127.0.0.1")
        await expect(page.get_by_label("For")).to_have_value("7 days")
        await expect(page.get_by_label("Reason")).to_have_value("by mistake")

        await row.get_by_role("button", name="Unblock").click()
        await said(page, "no longer blocked")
        await expect(page.get_by_role("main")).to_contain_text("Nothing is blocked")


async def test_what_is_empty_says_what_to_do_next(tmp_path: Path, tabs: Tabs) -> None:
    async with site(tmp_path) as served:
        page = await tabs.open()
        for path, advice in (
            ("/outputs", "Turn one on in the configuration"),
            ("/dead-letters", "waits in the journal"),
            ("/silences", "Start from an event"),
            ("/blocks", "sidekick-xdp"),
            ("/senders", "flagged when nothing comes"),
            ("/trail", "Nobody has changed anything"),
        ):
            await page.goto(served.url + path)
            await expect(page.get_by_role("main")).to_contain_text(advice)


@pytest.mark.parametrize(("path", "status"), [("/nope", 404), ("/outputs/slack", 405), ("/static/nope", 404)])
async def test_an_address_that_is_none_leads_on(tmp_path: Path, tabs: Tabs, path: str, status: int) -> None:
    async with site(tmp_path, SLACK) as served:
        page = await tabs.open()
        answer = await page.goto(served.url + path)
        assert answer
        assert answer.status == status
        await expect(page.get_by_role("heading", level=1)).to_have_text("There is no such page")
        await page.get_by_role("link", name="All events").click()
        await page.wait_for_url("**/events")


async def test_logging_in_leads_to_the_page_that_was_wanted(tmp_path: Path, tabs: Tabs) -> None:
    access = Access(None, Visitor("admin", logged_in=True))
    async with site(tmp_path, SLACK, access=access) as served:
        page = await tabs.open(f"{served.url}/outputs")
        await log_in(page, "wrong")
        await expect(page.get_by_role("alert")).to_have_text("Name or password is wrong.")
        await log_in(page, "admin")
        await expect(page.get_by_role("heading", level=1)).to_have_text("Outputs")
        await page.get_by_role("button", name="Log out").click()
        await expect(page.get_by_role("heading", level=1)).to_have_text("Log in")
        await page.wait_for_load_state("networkidle")
        assert access.sessions == {}


async def test_a_session_that_ends_leads_an_action_to_the_login(tmp_path: Path, tabs: Tabs) -> None:
    access = Access(None, Visitor("admin", logged_in=True))
    async with site(tmp_path, SLACK, access=access) as served:
        page = await tabs.open(f"{served.url}/login?to=//elsewhere.example/")
        await log_in(page, "admin")
        await page.wait_for_url(f"{served.url}/events")
        await page.goto(f"{served.url}/outputs?here")
        access.sessions.clear()
        await page.get_by_role("button", name="Pause").click()
        await expect(page.get_by_role("heading", level=1)).to_have_text("Log in")
        assert served.outputs.done == []
        await log_in(page, "admin")
        await page.wait_for_url(f"{served.url}/outputs?here")


async def test_who_may_only_read_sees_all_and_changes_nothing(tmp_path: Path, tabs: Tabs) -> None:
    reader = Visitor("reader", may_change=False, logged_in=True)
    async with site(tmp_path, SLACK, access=Access(reader), blocker=True) as served:
        served.silences.add(SilenceSettings(filter="rule exists", until=datetime(2999, 1, 1, tzinfo=UTC)))
        await served.letters.boxes["slack"].add(alert(time.time()), "refused")
        page = await tabs.open()
        for path in ("/outputs", "/dead-letters", "/silences", "/blocks"):
            await page.goto(served.url + path)
            await expect(page.locator("main form button:enabled")).to_have_count(0)
        answer = await page.request.post(f"{served.url}/outputs/slack", form={"token": reader.token, "do": "pause"})
        assert answer.status == 409
        assert "change nothing" in await answer.text()
        assert served.outputs.done == []


async def test_a_form_that_another_site_filled_in_does_nothing(tmp_path: Path, tabs: Tabs) -> None:
    async with site(tmp_path, SLACK) as served:
        page = await tabs.open()
        for more in ({}, {"token": "guessed"}, {"x": "x" * 100_000}):
            answer = await page.request.post(f"{served.url}/outputs/slack", form={"do": "pause", **more})
            assert answer.status == 409
        assert served.outputs.done == []
