"""Who sends, what was refused, who did what, and the API's document, in a real browser."""

import time
from pathlib import Path

import pytest
from playwright.async_api import expect

from tests.web.alerts import HOSTILE_RULE, LONG, alert
from tests.web.conftest import Tabs
from tests.web.site import Sender, State, site

pytestmark = pytest.mark.service
SLACK = State("slack", "Slack", "chat")


async def test_senders_are_listed_and_the_quiet_ones_come_first(tmp_path: Path, tabs: Tabs) -> None:
    async with site(tmp_path) as served:
        now = time.time()
        served.senders.known = [
            Sender("node-1", "cluster-a", now - 9000, now - 5, 12_345),
            Sender("", "", now - 100, now - 50),
            Sender(HOSTILE_RULE, "", now - 500_000, now - 400_000, quiet=True),
        ]
        await served.add(alert(now), alert(now, rule="Elsewhere", hostname="node-2"))
        page = await tabs.open(f"{served.url}/senders")
        rows = page.get_by_role("row")
        await expect(rows.nth(1)).to_contain_text("quiet")
        await expect(rows.nth(1)).to_contain_text("<script>")
        await expect(rows.nth(2)).to_contain_text("as cluster-a")
        await expect(rows.nth(2)).to_contain_text("12,345")
        await expect(rows.nth(3)).to_contain_text("without a name")
        await expect(page.get_by_role("status")).to_contain_text("1 host has sent nothing")
        assert await page.locator("main script, main img").count() == 0
        await page.get_by_role("link", name="node-1").click()
        await expect(page.locator("[data-row]")).to_have_text(["Terminal shell in container"])


async def test_refused_bodies_stand_below_the_dead_letters(tmp_path: Path, tabs: Tabs) -> None:
    async with site(tmp_path, SLACK) as served:
        served.refused.add("json", b'{"priority": \xff' + HOSTILE_RULE.encode(), "198.51.100.1")
        served.refused.add("time", LONG.encode(), "198.51.100.2")
        page = await tabs.open(f"{served.url}/dead-letters")
        await expect(page.get_by_role("heading", name="No dead letters")).to_be_visible()
        rows = page.get_by_role("region", name="Refused on arrival").get_by_role("row")
        await expect(rows.nth(1)).to_contain_text("100,000")
        await rows.nth(2).get_by_text("Show").click()
        await expect(rows.nth(2)).to_contain_text('{"priority": \ufffd<script>')
        assert await page.locator("main script, main img").count() == 0


async def test_the_trail_tells_who_did_what(tmp_path: Path, tabs: Tabs) -> None:
    async with site(tmp_path) as served:
        await served.trail.note("mara", "pause", "slack")
        await served.trail.note("kim", "silence", HOSTILE_RULE, "until tomorrow")
        page = await tabs.open(f"{served.url}/trail")
        rows = page.get_by_role("row")
        await expect(rows.nth(1)).to_contain_text("kim")
        await expect(rows.nth(1)).to_contain_text("until tomorrow")
        await expect(rows.nth(2)).to_contain_text("mara")
        assert await page.locator("main script, main img").count() == 0


async def test_the_document_of_the_api_works_without_another_server(tmp_path: Path, tabs: Tabs) -> None:
    async with site(tmp_path, SLACK) as served:
        page = await tabs.open()
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        await page.goto(f"{served.url}/api/docs")
        await page.locator("#operations-outputs-list_outputs").get_by_role("button").first.click()
        await page.get_by_role("button", name="Try it out").click()
        await page.get_by_role("button", name="Execute").click()
        await expect(page.locator(".live-responses-table").first).to_contain_text('"name": "slack"')
        await page.locator("#operations-outputs-pause_output").get_by_role("button").first.click()
        operation = page.locator("#operations-outputs-pause_output")
        await operation.get_by_role("button", name="Try it out").click()
        await operation.get_by_placeholder("name").fill("slack")
        await operation.get_by_role("button", name="Execute").click()
        await expect(operation.locator(".live-responses-table").first).to_contain_text("slack is paused")
        assert served.outputs.done == [("pause", "slack", "local")]
        elsewhere = [url for url in asked if not url.startswith((served.url, "data:image/"))]
        assert elsewhere == []
