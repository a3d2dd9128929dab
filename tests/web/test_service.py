"""The pages as `sidekick run` serves them: the real process with store, webhook and blocker, alerts from a Falco."""

import asyncio
import json
import time
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web
from playwright.async_api import Page, expect

from sidekick.event import Event
from tests.bpf.host import Host
from tests.deadline import until
from tests.faults.endpoint import Endpoint, take
from tests.faults.falco import Falco
from tests.faults.sidekick import Sidekick
from tests.services.server import free_ports
from tests.web.alerts import alert
from tests.web.conftest import Tabs

pytestmark = pytest.mark.service


class Running:
    """The process and what is around it."""

    def __init__(self, sidekick: Sidekick, endpoint: Endpoint, falco: Falco, port: int) -> None:
        self.sidekick = sidekick
        self.endpoint = endpoint
        self.falco = falco
        self.url = f"http://127.0.0.1:{port}"

    async def post(self, rule: str, **changes: object) -> None:
        """Posts an alert, which has no id yet, and waits until the store has it."""
        body = json.loads(alert(time.time(), rule=rule, **changes).json)
        stored = self._delivered("store")
        assert await self.falco.exchange(json.dumps(body).encode()) == 200
        await until(lambda: self._delivered("store") > stored, what="the alert in the store")

    def _delivered(self, output: str) -> float:
        return self.sidekick.metric("sidekick_output_events_total", output=output, outcome="delivered")

    @property
    def rules(self) -> list[str]:
        """Of the alerts that the webhook took, in their order."""
        return [Event.from_json(body).rule for body in self.endpoint.bodies]

    async def alert(self, page: Page, rule: str) -> None:
        """Opens the alert's page from the list."""
        await page.goto(f"{self.url}/events")
        await page.get_by_role("link", name=rule, exact=True).first.click()
        await expect(page.get_by_role("heading", level=1)).to_have_text(rule)


@asynccontextmanager
async def running(home: Path) -> AsyncGenerator[Running]:
    async with AsyncExitStack() as stack:
        host = Host(None, home / "none", home / "blocker")
        (home / "blocker").mkdir()
        stack.enter_context(host.serving("--dry-run"))
        endpoint = await stack.enter_async_context(Endpoint().listening())
        port = free_ports(1)
        sidekick = Sidekick(
            home,
            folder=str(home / "data"),
            api={"enabled": True, "port": port},
            store={"path": str(home / "data/events.sqlite")},
            webhook={"address": endpoint.url, "retry": {"maximum": "100ms"}},
            xdp={"socket": str(host.socket), "direction": "inbound"},
        )
        stack.callback(sidekick.kill)
        await asyncio.to_thread(sidekick.start)
        falco = Falco(sidekick.port)
        stack.push_async_callback(falco.close)
        yield Running(sidekick, endpoint, falco, port)
        ended = await asyncio.to_thread(sidekick.end)
        assert (ended, "Traceback" in sidekick.log) == (0, False), sidekick.log


async def go_live(page: Page) -> None:
    """Returns when the page follows what comes."""
    async with page.expect_response("**/events/live*"):
        await page.get_by_role("button", name="Live").click()


async def said(page: Page, text: str) -> None:
    await expect(page.locator("#said")).to_contain_text(text)


async def test_alerts_come_and_are_followed_to_where_they_went(tmp_path: Path, tabs: Tabs) -> None:
    async with running(tmp_path) as service:
        page = await tabs.open(service.url)
        await expect(page.get_by_text("No alert has arrived")).to_be_visible()
        await go_live(page)
        await service.post("First")
        await expect(page.locator("[data-row]").first).to_have_text("First")

        await service.alert(page, "First")
        went = page.get_by_role("region", name="Where it went")
        for output in ("webhook", "store"):
            await expect(went.get_by_role("row", name=output)).to_contain_text("at the first try")

        async def refuse(body: bytes) -> web.Response:
            return web.Response(status=400, text="no such channel")

        service.endpoint.behaviour = refuse
        await service.post("Second")
        await until(lambda: (tmp_path / "data/dead-letters/webhook.jsonl").exists(), what="a dead letter")
        await service.alert(page, "Second")
        await expect(went.get_by_role("row", name="webhook")).to_contain_text("dead")
        await expect(went.get_by_role("row", name="webhook")).to_contain_text("no such channel")

        service.endpoint.behaviour = take
        await page.goto(f"{service.url}/dead-letters")
        await page.get_by_role("row", name="Second").get_by_role("checkbox").check()
        await page.get_by_role("button", name="Replay").click()
        await said(page, "webhook: 1 replayed.")
        assert service.rules == ["First", "Second"]
        await expect(page.get_by_role("main")).to_contain_text("No dead letters")


async def test_an_output_is_paused_over_a_restart_tested_and_replayed(tmp_path: Path, tabs: Tabs) -> None:
    async with running(tmp_path) as service:
        page = await tabs.open(f"{service.url}/outputs")
        row = page.get_by_role("row", name="Webhook")
        await row.get_by_role("button", name="Pause").click()
        await said(page, "webhook is paused")
        await service.post("Waits")
        await page.goto("about:blank")  # a page that is open would complain
        await asyncio.to_thread(service.sidekick.end)
        await asyncio.to_thread(service.sidekick.start)
        await service.falco.close()
        await page.goto(f"{service.url}/outputs")
        await expect(row).to_contain_text("paused")
        await expect(row.locator("[data-name=Waiting]")).to_have_text("1")
        await row.get_by_role("button", name="Test").click()
        await said(page, "webhook took the test event.")
        assert service.rules == ["Test rule"]
        await row.get_by_role("button", name="Resume").click()
        await until(lambda: service.rules == ["Test rule", "Waits"], what="what has waited")
        await expect(row.locator("[data-name=Waiting]")).to_have_text("0")
        await row.get_by_text("Replay webhook").click()
        await row.get_by_role("button", name="Replay").click()
        await said(page, "webhook: 1 alert sent again.")
        assert service.rules == ["Test rule", "Waits", "Waits"]


async def test_a_rule_is_silenced_and_a_source_blocked(tmp_path: Path, tabs: Tabs) -> None:
    async with running(tmp_path) as service:
        await service.post("Noise", output_fields={"fd.cip": "8.8.4.4", "fd.sip": "10.0.0.1", "fd.l4proto": "udp"})
        page = await tabs.open()
        await service.alert(page, "Noise")
        await page.get_by_role("link", name="Silence like this").click()
        await page.get_by_label("Reason").fill("a known job")
        await page.get_by_role("button", name="Silence", exact=True).click()
        await said(page, "Silenced until")
        await service.post("Noise", output="again")
        await service.post("Signal")
        await until(lambda: "Signal" in service.rules, what="what is not silenced")
        assert service.rules == ["Noise", "Signal"]
        await service.alert(page, "Noise")
        await expect(page.get_by_role("row", name="webhook")).to_contain_text("silenced")

        await page.go_back()
        await page.get_by_role("link", name="Noise", exact=True).last.click()
        await page.get_by_role("link", name="Block 8.8.4.4").click()
        await page.get_by_label("Reason").fill("a scan")
        await page.get_by_role("button", name="Block", exact=True).click()
        await said(page, "8.8.4.4 is blocked")
        await page.get_by_role("row", name="8.8.4.4").get_by_role("button", name="Unblock").click()
        await said(page, "no longer blocked")
        trail = [json.loads(line) for line in (tmp_path / "data/trail.jsonl").read_text().splitlines()]
        assert [(entry["by"], entry["action"]) for entry in trail] == [
            ("local", "silence"),
            ("local", "block"),
            ("local", "unblock"),
        ]


async def test_the_service_ends_though_somebody_watches(tmp_path: Path, tabs: Tabs) -> None:
    async with running(tmp_path) as service:
        await service.post("First")
        page = await tabs.open(service.url)
        await go_live(page)
        await service.post("Second")
        await expect(page.locator("[data-row]").first).to_have_text("Second")
        assert await asyncio.to_thread(service.sidekick.end) == 0
        await page.close()


async def test_a_mistake_in_the_configuration_is_told_on_the_page_until_it_is_mended(
    tmp_path: Path, tabs: Tabs
) -> None:
    async with running(tmp_path) as service:
        page = await tabs.open(f"{service.url}/outputs")
        notice = page.get_by_role("complementary", name="Configuration")
        written = service.sidekick.configuration.read_text()
        service.sidekick.configuration.write_text(written.replace("100ms", "soon"))
        await expect(notice).to_contain_text("webhook.retry.maximum")
        await expect(notice).to_contain_text(service.sidekick.configuration.name)
        service.sidekick.configuration.write_text(written)
        await expect(notice).to_have_count(0)
