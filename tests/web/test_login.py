"""The real doorkeeper, in a real browser."""

from pathlib import Path

import pytest
from playwright.async_api import expect

from sidekick.control.access import AccessSettings, Doorkeeper
from tests.api.door import PASSWORD, SLACK, USERS
from tests.web.conftest import Tabs
from tests.web.site import site

pytestmark = pytest.mark.service


def doorkeeper(home: Path) -> Doorkeeper:
    return Doorkeeper(AccessSettings.model_validate(USERS), home, "127.0.0.1", "")


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
