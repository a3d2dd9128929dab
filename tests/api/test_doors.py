"""Every door of port 2802: without a login it shows nothing and changes nothing, whatever is sent."""

from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from fastapi.routing import APIRoute

from sidekick.api import application
from tests.api.door import EVERYWHERE, READER_TOKEN, TOKENS, Client, Door, door
from tests.web.alerts import alert

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
BODIES = (None, {"output": "slack", "ids": ["x"]}, b"do=pause&letter=slack+x&target=203.0.113.7", b"{", b"\0" * 3000)
MARK = "hidden-mark"
AS_READER = {"Authorization": f"Bearer {READER_TOKEN}"}


@pytest.fixture
def event() -> Any:
    return alert(1_700_000_000, rule=MARK, output=MARK, output_fields={"proc.name": MARK})


async def furnish(opened: Door, event: Any) -> None:
    """Something to see behind each door."""
    await opened.site.add(event)
    await opened.site.letters.boxes["slack"].add(event, MARK)
    opened.site.refused.add("json", MARK.encode(), MARK)


async def doors(client: Client, opened: Door, id: str) -> list[str]:
    """Each path of the OpenAPI document and of the pages, with something in the place of each parameter."""
    document = (await client.get("/api/openapi.json", **AS_READER)).json
    pages = {route.path for route in _routes(application(opened.site.service).routes)}
    assert len(document["paths"]) >= 20
    assert len(pages) > len(document["paths"])
    more = {"/", "/api", "/api/", "/api/docs", "/api/openapi.json", "/api/nothing", "/API/outputs", "//api/outputs"}
    values = {"uuid": id, "name": "slack", "output": "slack", "id": id, "dimension": "rule", "path": "page.css"}
    return sorted({path.format(**values) for path in {*document["paths"], *pages}} | more)


def _routes(routes: Any) -> Iterator[APIRoute]:
    """Those of routers in routers, too."""
    for route in routes:
        if isinstance(route, APIRoute):
            yield route
        elif inner := getattr(getattr(route, "original_router", None), "routes", None):
            yield from _routes(inner)


def state(opened: Door) -> Any:
    """All that could have changed."""
    site = opened.site
    return list(site.outputs.done), site.letters.boxes["slack"].letters(), site.silencing.active()


async def test_without_a_login_no_door_shows_or_changes_anything(tmp_path: Path, event: Any) -> None:
    async with door(tmp_path, TOKENS, address=EVERYWHERE) as opened, opened.client() as client:
        await furnish(opened, event)
        before = state(opened)
        for path in await doors(client, opened, event.uuid):
            for method, body in product(METHODS, BODIES):
                headers = {"Content_Type": "application/json"} if isinstance(body, bytes) else {}
                answer = await client.send(method, path, body, **headers)
                where = f"{method} {path} {body!r}: {answer.status}"
                assert answer.status in {401, 404, 405} or _to_login(answer, path), where
                assert MARK not in answer.text, where
                assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'"), where
                if path.startswith("/api"):
                    assert answer.status == 401, where
        assert state(opened) == before


def _to_login(answer: Any, path: str) -> bool:
    """The way to the login, or itself."""
    if answer.status in {303, 307}:
        return answer.headers["Location"] in ("/events", "/login") or answer.headers["Location"].startswith(
            "/login?to="
        )
    return path == "/login" and answer.status in {200, 403}


async def test_with_a_token_the_same_doors_show_something(tmp_path: Path, event: Any) -> None:
    """Or the test above would hold for doors that show nothing to anybody."""
    async with door(tmp_path, TOKENS, address=EVERYWHERE) as opened, opened.client() as client:
        await furnish(opened, event)
        paths = await doors(client, opened, event.uuid)
        shown = [path for path in paths if "live" not in path and MARK in (await client.get(path, **AS_READER)).text]
        counts = ["/api/top/rule?since=2000-01-01", "/events?since=all"]
        shown += [path for path in counts if MARK in (await client.get(path, **AS_READER)).text]
    dead = f"/api/dead-letters/slack/{event.uuid}"
    api = {"/api/events", f"/api/events/{event.uuid}", "/api/dead-letters", dead, "/api/refused", counts[0]}
    assert api | {f"/events/{event.uuid}", "/dead-letters", counts[1]} <= set(shown)


async def test_a_browser_that_asks_for_the_document_is_sent_to_the_login(tmp_path: Path) -> None:
    async with door(tmp_path, TOKENS, address=EVERYWHERE) as opened, opened.client() as client:
        answer = await client.get("/api/docs", Accept="text/html,*/*")
        assert (answer.status, answer.headers["Location"]) == (303, "/login?to=%2Fapi%2Fdocs")
        assert (await client.get("/api/docs")).headers["WWW-Authenticate"] == "Bearer"
