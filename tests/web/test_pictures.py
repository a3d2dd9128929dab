"""Pictures of each page, wide and narrow, light and dark; nothing may stick out sideways.

With RENEW_PICTURES=1 they take the place of those in `docs/pictures`; each has the time of day in it, so not always.
"""

import os
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import pytest

from sidekick.event import Event
from sidekick.pipeline import SilenceSettings
from tests.web.alerts import alert, real
from tests.web.conftest import Tabs
from tests.web.site import Access, Delivery, Sender, Site, State, Visitor, site

pytestmark = pytest.mark.service
PICTURES = Path(__file__).parents[2] / "docs/pictures"
STATES = (
    State("elasticsearch", "Elasticsearch", "database", delivered=48_211),
    State("kafka", "Kafka", "queue", delivered=48_211),
    State("slack", "Slack", "chat", "failing", 212, 4310.0, "answered 404: no_service", delivered=1906, dead=2),
    State("webhook", "Webhook", "web", "paused", 37, 95.0, delivered=48_174),
)


@pytest.fixture(params=[(1280, "light"), (1280, "dark"), (400, "light"), (400, "dark")], ids=str)
def look(request: pytest.FixtureRequest) -> tuple[int, Literal["light", "dark"]]:
    return request.param


async def test_pictures(tmp_path: Path, tabs: Tabs, look: tuple[int, Literal["light", "dark"]]) -> None:
    width, scheme = look
    folder = PICTURES if "RENEW_PICTURES" in os.environ else tmp_path
    async with site(tmp_path, *STATES, access=Access(Visitor("mara", logged_in=True)), blocker=True) as served:
        paths = await _furnish(served)
        page = await tabs.open(width=width, scheme=scheme)
        for name, path in paths.items():
            await page.goto(served.url + path, wait_until="networkidle")
            assert await page.evaluate("document.documentElement.scrollWidth") <= width, name
            await page.screenshot(path=folder / f"{name}-{width}-{scheme}.png")


async def _furnish(served: Site) -> dict[str, str]:
    now = time.time()
    scan = _scan(now)
    near = [alert(now - 20 * number, rule=scan.rule, output=scan.output) for number in (3, 2, 1)]
    await served.add(*real(900, now - 30, 80_000), *near, scan)
    served.outputs.fates[scan.uuid] = [
        Delivery("elasticsearch", "delivered", "201, falco-2026.05.06"),
        Delivery("kafka", "delivered"),
        Delivery("slack", "waiting", "answered 404: no_service"),
        Delivery("webhook", "waiting", "paused by mara"),
    ]
    for event in near[:2]:
        await served.letters.boxes["slack"].add(event, "answered 400: invalid_blocks")
    await served.silencing.add(
        SilenceSettings(
            filter='rule = "Terminal shell in container" and k8s.ns.name = "staging"',
            until=datetime(2999, 1, 1, tzinfo=UTC),
            author="mara",
            reason="load test",
        )
    )
    await served.service.blocks.block("8.8.4.4", 3600, "mining pool", scan.uuid, "mara")  # type: ignore[union-attr]
    served.refused.add("json", b'{"output": "23:11:04.1 Warning A shell', "10.0.3.21")
    served.senders.known = [
        Sender("node-1", "cluster-a", now - 900_000, now - 8, 48_211),
        Sender("node-2", "cluster-a", now - 900_000, now - 64, 20_977),
        Sender("build-7", "", now - 700_000, now - 200_000, 312, quiet=True),
    ]
    await served.trail.note("mara", "pause", "webhook")
    return {
        "events": "/events",
        "event": f"/events/{scan.uuid}",
        "outputs": "/outputs",
        "dead-letters": "/dead-letters",
        "silences": "/silences",
        "blocks": "/blocks",
        "senders": "/senders",
        "trail": "/trail",
        "login": "/login",
    }


def _scan(now: float) -> Event:
    """An alert worth a look: it came 8 s before `now`, and names an address to block."""
    return alert(
        now - 8,
        rule="Outbound connection to a mining pool",
        priority="Critical",
        output="A container connects to a mining pool (connection=10.0.3.7:40112->8.8.4.4:3333 process=xmrig)",
        output_fields={
            "container.image.repository": "docker.io/library/nginx",
            "fd.cip": "10.0.3.7",
            "fd.rip": "8.8.4.4",
            "fd.rport": 3333,
            "k8s.ns.name": "shop",
            "k8s.pod.name": "cart-7d9f5c",
            "proc.cmdline": "xmrig -o 8.8.4.4:3333 -u wallet",
            "proc.name": "xmrig",
            "proc.pname": "nginx",
        },
        tags=["network", "mitre_impact", "block_source"],
    )
