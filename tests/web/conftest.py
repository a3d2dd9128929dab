"""A real Chromium, Debian's, driven by Playwright, whose own browsers are never fetched."""

from collections.abc import AsyncIterator
from typing import Literal

import pytest
from playwright.async_api import Browser, ConsoleMessage, Dialog, Page, async_playwright

CHROMIUM = "/usr/bin/chromium"
# Without these it looks for its maker's servers at every start.
QUIET = ("--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", *QUIET]

KNOWN = (
    "the server responded with a status of 4",  # as 409: it shows in the page, where the tests look for it
    "net::ERR_CONNECTION_REFUSED",  # the site ends with its test, while the last page may still load
)


class Tabs:
    """Opens pages; whatever a page complains of, a refused script or style among it, fails the test."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self.complaints: list[str] = []
        self.answers: list[tuple[str, bool]] = []
        """To questions that are to come: a part of each, and whether the answer is yes."""

    def _hear(self, said: ConsoleMessage) -> None:
        if said.type == "error" and not any(known in said.text for known in KNOWN):
            self.complaints.append(said.text)

    async def _answer(self, dialog: Dialog) -> None:
        if self.answers:
            question, yes = self.answers.pop(0)
            assert question in dialog.message
            await (dialog.accept() if yes else dialog.dismiss())
        else:
            self.complaints.append(f"dialog: {dialog.message}")
            await dialog.dismiss()

    async def open(self, url: str = "", *, width: int = 1280, scheme: Literal["light", "dark"] = "light") -> Page:
        context = await self._browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme, reduced_motion="reduce"
        )
        await context.grant_permissions(["clipboard-read", "clipboard-write"])
        page = await context.new_page()
        page.set_default_timeout(10_000)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", self._hear)
        page.on("dialog", self._answer)
        if url:
            await page.goto(url)
        return page


@pytest.fixture
async def tabs(no_task_left: None) -> AsyncIterator[Tabs]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        tabs = Tabs(browser)
        yield tabs
        await browser.close()
    assert (tabs.complaints, tabs.answers) == ([], [])
