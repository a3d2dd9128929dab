"""The real doorkeeper, in a real browser."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.async_api import Page, expect

from sidekick.control.access import AccessSettings, Doorkeeper
from tests.api.door import PASSWORD, SLACK, USERS, door
from tests.deadline import until
from tests.web.alerts import alert
from tests.web.conftest import Tabs
from tests.web.site import site

pytestmark = pytest.mark.service


def doorkeeper(home: Path) -> Doorkeeper:
    return Doorkeeper(AccessSettings.model_validate(USERS), home, "127.0.0.1", "")


async def log_in(page: Page, name: str) -> None:
    await page.get_by_label("Name").fill(name)
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Log in").click()


async def test_a_live_list_ends_with_the_login(tmp_path: Path, tabs: Tabs) -> None:
    async with site(tmp_path, SLACK, access=doorkeeper(tmp_path)) as served:
        await served.add(alert(time.time(), rule="First"))
        page = await tabs.open(f"{served.url}/events")
        await log_in(page, "mara")
        await page.get_by_role("button", name="Live").click()
        await until(lambda: served.arrivals.followed, what="a follower")
        other = await page.context.new_page()
        await other.goto(f"{served.url}/outputs")
        await other.get_by_role("button", name="Log out").click()
        await expect(other.get_by_role("heading", level=1)).to_have_text("Log in")
        await served.add(alert(time.time(), rule="Second"))
        await expect(page.get_by_role("heading", level=1)).to_have_text("Log in")
        assert not served.arrivals.followed


KIM_ALONE = AccessSettings.model_validate({"users": {"kim": USERS["users"]["kim"]}})
ENDS: dict[str, Callable[[Doorkeeper, list[float]], None]] = {
    "time": lambda keeper, now: now.append(7200.0),
    "another configuration": lambda keeper, now: keeper.configure(KIM_ALONE, "127.0.0.1", ""),
}


@pytest.mark.parametrize("end", ENDS)
async def test_the_api_s_stream_ends_with_the_login(tmp_path: Path, end: str) -> None:
    now = [0.0]
    async with (
        door(tmp_path, USERS, {"session": "1h"}, clock=lambda: now[-1]) as opened,
        opened.client() as client,
    ):
        await client.log_in("mara")
        async with client.stream("/api/events/live") as (_, lines):
            assert await anext(lines) == ": from now on"
            await until(lambda: opened.site.arrivals.followed, what="a follower")
            opened.site.arrivals.add(alert(0, rule="First"))
            assert json.loads((await anext(lines)).removeprefix("data: "))["rule"] == "First"
            ENDS[end](opened.keeper, now)
            opened.site.arrivals.add(alert(0, rule="Second"))
            assert [line async for line in lines] == []


@pytest.mark.parametrize("to", ["//a.example/", "/\\a.example/", "/\t\\a.example", "https://a.example", "//[", "x"])
async def test_a_login_leads_nowhere_else(tmp_path: Path, to: str) -> None:
    async with door(tmp_path, USERS) as opened, opened.client() as client:
        page = await client.get(f"/login?to={quote(to)}", sec_fetch_site="cross-site")
        assert page.status == 200
        assert 'content="0; url=/events"' in page.text


async def test_a_login_leads_in_acts_and_is_left(tmp_path: Path, tabs: Tabs) -> None:
    async with site(tmp_path, SLACK, access=doorkeeper(tmp_path)) as served:
        page = await tabs.open(f"{served.url}/outputs")
        await page.get_by_label("Name").fill("mara")
        await page.get_by_label("Password").fill(PASSWORD)
        await page.get_by_role("button", name="Log in").click()
        await expect(page.get_by_role("heading", level=1)).to_have_text("Outputs")
        await page.get_by_role("button", name="Pause").click()
        await expect(page.locator("#said")).to_contain_text("slack is paused")
        assert served.outputs.done == [("pause", "slack", "mara")]
        await page.get_by_role("button", name="Log out").click()
        await page.goto(f"{served.url}/outputs")
        await expect(page.get_by_role("heading", level=1)).to_have_text("Log in")


async def test_too_many_wrong_passwords_are_told(tmp_path: Path, tabs: Tabs) -> None:
    async with site(tmp_path, SLACK, access=doorkeeper(tmp_path)) as served:
        page = await tabs.open(f"{served.url}/login")
        for sentence in ("Name or password is wrong.",) * 10 + ("Too many wrong passwords",):
            await page.get_by_label("Name").fill("mara")
            await page.get_by_label("Password").fill("guess")
            async with page.expect_navigation():
                await page.get_by_role("button", name="Log in").click()
            await expect(page.get_by_role("alert")).to_contain_text(sentence)


async def test_a_link_in_a_chat_needs_no_second_login(tmp_path: Path, tabs: Tabs) -> None:
    """Though a browser sends no cookie with it."""
    async with site(tmp_path, SLACK, access=doorkeeper(tmp_path)) as served:
        page = await tabs.open(f"{served.url}/login?to=/outputs")
        link = f'<a href="{served.url}/silences?filter=rule+exists">an alert</a>'
        for name, heading in (("nobody", "Log in"), ("kim", "Silences")):
            if name == "kim":
                await page.get_by_label("Name").fill(name)
                await page.get_by_label("Password").fill(PASSWORD)
                await page.get_by_role("button", name="Log in").click()
                await expect(page.get_by_role("heading", level=1)).to_have_text("Silences")
            await page.goto("about:blank")
            await page.set_content(link)
            await page.get_by_role("link").click()
            await expect(page.get_by_role("heading", level=1)).to_have_text(heading)
            assert name == "nobody" or await page.locator("textarea").input_value() == "rule exists"
