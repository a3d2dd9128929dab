"""Searching, zooming and following events, and one event, in a real browser."""

import re
import time
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from tests.deadline import until
from tests.web.alerts import HOSTILE_RULE, LONG, alert, hostile
from tests.web.conftest import Tabs
from tests.web.site import Delivery, Site, State, site

pytestmark = pytest.mark.service


async def shown(page: Page) -> list[str]:
    """Rules in the list, from the top."""
    return await page.locator("[data-row]").all_inner_texts()


async def filled(served: Site, now: float) -> None:
    """Alerts of one minute each, the newest a minute ago."""
    await served.add(
        alert(now - 240, rule="Fourth", priority="Notice", hostname="node-2"),
        alert(now - 180, rule="Third", output="the shadow was read"),
        alert(now - 120, rule="Second", output_fields={"k8s.ns.name": "kube-system"}),
        alert(now - 60, rule="First", priority="Critical"),
    )


async def test_nothing_has_arrived_so_it_says_how_to_send_something(tmp_path: Path, tabs: Tabs) -> None:
    async with site(tmp_path) as served:
        page = await tabs.open(served.url)
        await expect(page.get_by_role("main")).to_contain_text("http_output:")
        await page.get_by_role("button", name="Copy falco.yaml lines").click()
        assert "url: http://HOST:2801/" in await page.evaluate("navigator.clipboard.readText()")
        await page.get_by_role("button", name="Copied").click()
        await expect(page.get_by_role("button", name="Copied")).to_have_count(0)


async def test_words_filter_and_facets_narrow_the_list_and_make_a_link(tmp_path: Path, tabs: Tabs) -> None:
    async with site(tmp_path) as served:
        await filled(served, time.time())
        page = await tabs.open(served.url)
        assert await shown(page) == ["First", "Second", "Third", "Fourth"]

        await page.get_by_label("Words").fill("shad*")
        await page.get_by_role("button", name="Search").click()
        assert await shown(page) == ["Third"]

        await page.get_by_label("Words").fill("")
        await page.get_by_label("Filter, in Falco").fill("k8s.ns.name != kube-system and priority >= Warning")
        await page.get_by_role("button", name="Search").click()
        assert await shown(page) == ["First", "Third"]

        await page.get_by_role("link", name="Critical 1").click()
        assert await shown(page) == ["First"]
        again = await tabs.open(page.url)
        assert await shown(again) == ["First"]
        await again.get_by_role("link", name="priority = Critical , take away").click()
        assert await shown(again) == ["First", "Third"]


async def test_a_search_is_counted_where_all_it_finds_is_shown(tmp_path: Path, tabs: Tabs) -> None:
    async with site(tmp_path) as served:
        now = time.time()
        await filled(served, now)
        await served.add(*(alert(now - 300, rule="Many", output=f"number {number}") for number in range(60)))
        page = await tabs.open(f"{served.url}/events?q=shadow")
        chart, facets = page.locator("[data-chart]"), page.get_by_role("navigation", name="Narrow by")
        all_counted = page.get_by_text("Counts are of all events")
        await expect(chart).to_have_attribute("aria-label", re.compile("^1 event;"))
        for facet in ("Warning 1", "Third 1", "node-1 1", "shop 1"):
            await expect(facets.get_by_role("link", name=facet)).to_be_visible()
        await expect(facets.get_by_role("link", name="Many")).to_have_count(0)
        await expect(all_counted).to_have_count(0)

        await page.goto(f"{served.url}/events?q=number")
        await expect(chart).to_have_attribute("aria-label", re.compile("^64 events;"))
        await expect(facets.get_by_role("link", name="Many 60")).to_be_visible()
        await expect(all_counted).to_be_visible()
        await page.goto(f"{served.url}/events?filter=rule+%3D+Many&namespace=kube-system")
        await expect(chart).to_have_attribute("aria-label", "No events in this time.")
        await page.goto(f"{served.url}/events")
        await expect(all_counted).to_have_count(0)


async def test_a_wrong_filter_is_shown_at_its_character(tmp_path: Path, tabs: Tabs) -> None:
    async with site(tmp_path) as served:
        await filled(served, time.time())
        page = await tabs.open(f"{served.url}/events?filter=priority+>=+Warning+und+rule+exists")
        problem = page.get_by_role("alert")
        await expect(problem).to_contain_text("at character 21")
        assert await problem.locator("mark").inner_text() == "u"
        field = page.get_by_label("Filter, in Falco")
        await expect(field).to_have_attribute("aria-invalid", "true")
        await expect(field).to_have_accessible_description(re.compile("expected 'and' or 'or'"))


async def test_dragging_over_the_chart_zooms(tmp_path: Path, tabs: Tabs) -> None:
    async with site(tmp_path) as served:
        now = time.time()
        await served.add(alert(now - 80_000, rule="Yesterday"), alert(now - 60, rule="Now"))
        page = await tabs.open(served.url)
        over = page.locator(".u-over")
        box = await over.bounding_box()
        assert box
        await page.mouse.move(box["x"] + box["width"] * 0.7, box["y"] + 20)
        await page.mouse.down()
        await page.mouse.move(box["x"] + box["width"] - 1, box["y"] + 40, steps=5)
        await page.mouse.up()
        await page.wait_for_url("**/events?from=*")
        assert await shown(page) == ["Now"]
        await page.get_by_role("link", name="Leave zoom").click()
        assert await shown(page) == ["Now", "Yesterday"]


DRAWN = """
  const drawn = window.drawn = [], canvas = CanvasRenderingContext2D.prototype, fill = canvas.fillText;
  canvas.fillText = function (text, ...at) { drawn.push(text); fill.call(this, text, ...at); };
"""


@pytest.mark.parametrize(
    ("days", "form"), [(3, "[0-9]{2}-[0-9]{2}"), (500, "20[0-9]{2}-[0-9]{2}"), (9000, "20[0-9]{2}")]
)
async def test_a_long_time_is_told_by_its_months_or_years(tmp_path: Path, tabs: Tabs, days: int, form: str) -> None:
    async with site(tmp_path) as served:
        now = time.time()
        await served.add(alert(now - days * 86400), alert(now))
        page = await tabs.open()
        await page.add_init_script(DRAWN)
        await page.goto(f"{served.url}/events?since=all")
        await page.wait_for_function("window.drawn.includes('0')")
        told = {text for text in await page.evaluate("window.drawn") if re.fullmatch(form, text)}
        assert len(told) >= 2, "each says another time"


async def test_older_ones_come_below_until_there_are_no_more(tmp_path: Path, tabs: Tabs) -> None:
    async with site(tmp_path) as served:
        now = time.time()
        await served.add(*(alert(now - 200 + number, rule=f"Rule {number}") for number in range(120)))
        page = await tabs.open(served.url)
        older = page.get_by_role("link", name="Older")
        for rows in (100, 120):
            await older.click()
            await expect(page.locator("[data-row]")).to_have_count(rows)
        assert await shown(page) == [f"Rule {number}" for number in reversed(range(120))]
        await expect(older).to_have_count(0)


async def go_live(served: Site, page: Page) -> None:
    await page.get_by_role("button", name="Live").click()
    await until(lambda: served.arrivals.followed, what="a follower")


async def test_live_events_come_on_top_when_they_pass_the_filter(tmp_path: Path, tabs: Tabs) -> None:
    async with site(tmp_path) as served:
        await filled(served, time.time())
        page = await tabs.open(f"{served.url}/events?filter=priority+>=+Error")
        await go_live(served, page)
        await served.add(
            alert(time.time(), rule="Too quiet", priority="Debug"), alert(time.time(), rule="Loud", priority="Alert")
        )
        await expect(page.locator("[data-row]").first).to_have_text("Loud")
        assert await shown(page) == ["Loud", "First"]
        await page.get_by_role("button", name="Live").click()
        await until(lambda: not served.arrivals.followed, what="nobody follows")


async def test_a_list_that_was_live_is_live_when_one_comes_back_to_it(tmp_path: Path, tabs: Tabs) -> None:
    async with site(tmp_path) as served:
        await filled(served, time.time())
        page = await tabs.open(f"{served.url}/events")
        await go_live(served, page)
        await page.get_by_role("link", name="First", exact=True).click()
        await expect(page.get_by_role("heading", level=1)).to_have_text("First")
        await page.go_back()
        await expect(page.get_by_role("button", name="Live")).to_have_attribute("aria-pressed", "true")
        await until(lambda: served.arrivals.followed, what="a follower again")


async def test_who_may_not_follow_is_told_why(tmp_path: Path, tabs: Tabs) -> None:
    async with site(tmp_path) as served:
        await filled(served, time.time())
        page = await tabs.open(f"{served.url}/events")
        served.arrivals.refusal = "50 follow what comes already: end another first."
        live = page.get_by_role("button", name="Live")
        await live.click()
        await expect(page.get_by_role("alert")).to_have_text(served.arrivals.refusal)
        await expect(live).to_have_attribute("aria-pressed", "false")
        served.arrivals.refusal = ""
        await live.click()
        await until(lambda: served.arrivals.followed, what="a follower")
        await expect(page.get_by_role("alert")).to_have_count(0)


async def test_the_first_event_comes_live_to_a_page_that_was_empty(tmp_path: Path, tabs: Tabs) -> None:
    async with site(tmp_path) as served:
        page = await tabs.open(served.url)
        await expect(page.get_by_text("No alert has arrived")).to_be_visible()
        await page.get_by_role("button", name="Live").click()
        for rule in ("First", "Second"):
            await until(lambda: served.arrivals.followed, what="a follower")
            await served.add(alert(time.time(), rule=rule))
            await expect(page.locator("[data-row]").first).to_have_text(rule)
        await expect(page.get_by_role("button", name="Live")).to_have_attribute("aria-pressed", "true")


async def test_keys_alone_are_enough(tmp_path: Path, tabs: Tabs) -> None:
    async with site(tmp_path) as served:
        await filled(served, time.time())
        page = await tabs.open(served.url)
        await page.keyboard.press("Tab")
        await expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
        for key in "jjk":
            await page.keyboard.press(key)
        await expect(page.get_by_role("link", name="First", exact=True)).to_be_focused()
        await page.keyboard.press("/")
        await page.keyboard.type("jk")
        await expect(page.get_by_label("Words")).to_have_value("jk")
        await page.get_by_label("Words").fill("Second")
        await page.keyboard.press("Enter")
        await page.wait_for_url("**q=Second**")
        await page.keyboard.press("j")
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("heading", level=1)).to_have_text("Second")


async def test_an_event_shows_all_of_it_and_where_it_went(tmp_path: Path, tabs: Tabs) -> None:
    async with site(tmp_path, State("slack", "Slack", "chat")) as served:
        now = time.time()
        here, near = alert(now - 60), alert(now - 90, output="a minute before")
        await served.add(alert(now - 9000, output="long ago"), near, here)
        served.outputs.fates[here.uuid] = [Delivery("slack", "dead", "answered 400: no_text")]
        page = await tabs.open(f"{served.url}/events/{here.uuid}")
        for name, value in here.fields.items():
            await expect(page.get_by_role("row", name=name)).to_contain_text(value)
        await expect(page.get_by_role("region", name="Where it went")).to_contain_text("answered 400: no_text")
        region = page.get_by_role("region", name="Same rule")
        assert await region.get_by_role("link").all_inner_texts() == ["a minute before"]

        await page.get_by_text("As a Falco exception").click()
        await page.get_by_role("button", name="Copy as Falco exception").click()
        copied = await page.evaluate("navigator.clipboard.readText()")
        assert "values:\n    - [bash, nginx, docker.io/library/nginx]" in copied

        await page.get_by_role("row", name="k8s.ns.name").get_by_role("link").click()
        await expect(page.get_by_label("Filter, in Falco")).to_have_value("k8s.ns.name = shop")
        assert len(await shown(page)) == 3

        missing = await page.request.get(f"{served.url}/events/nowhere")
        assert missing.status == 404


async def test_hostile_text_is_only_text(tmp_path: Path, tabs: Tabs) -> None:
    async with site(tmp_path) as served:
        event = hostile(time.time() - 60)
        await served.add(event)
        page = await tabs.open()
        answer = await page.goto(f"{served.url}/events")
        assert answer
        assert "script-src 'self'; style-src 'self';" in answer.headers["content-security-policy"]
        assert await shown(page) == [HOSTILE_RULE]
        assert len(await page.content()) < 60_000
        assert await page.locator("main script, main img, [onmouseover], [onerror]").count() == 0
        cell = page.locator(".where bdi").first
        assert await cell.inner_text() == "<b>node</b>"
        assert await page.locator(".what p bdi").evaluate("one => getComputedStyle(one).unicodeBidi") == "isolate"

        await go_live(served, page)
        await served.add(hostile(time.time()))
        await expect(page.locator("[data-row]")).to_have_count(2)
        assert await page.locator("main script, main img, [onmouseover], [onerror]").count() == 0

        await page.goto(f"{served.url}/events/{event.uuid}")
        assert await page.locator("main script, main img, [onmouseover], [onerror]").count() == 0
        # What turns text around is shown and does nothing: else it would read invoiceexe.pdf.
        spoof = page.get_by_role("row", name="user.name").locator("bdi").last
        assert await spoof.inner_text() == "invoiceU+202Efdp.exe"
        assert await page.locator("a[href^='javascript']").count() == 0
        assert await page.get_by_role("row", name="proc.cmdline").get_by_text(LONG).count() == 1
        assert (await page.title()).startswith("<script>")
        assert await page.evaluate("document.documentElement.scrollWidth") <= 1280
