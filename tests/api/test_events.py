"""What the API says of events."""

import asyncio
import json
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidekick.event import decode
from sidekick.sdk.moment import moment
from sidekick.sdk.testing.alerts import strange_alerts
from tests.api.door import Client, door
from tests.deadline import until
from tests.web.alerts import alert, hostile
from tests.web.site import Delivery

NOW = 1_790_000_000.0  # s since 1970


async def rules(client: Client, **query: Any) -> list[str]:
    answer = await client.get(f"/api/events?{urlencode(query, doseq=True)}")
    assert answer.status == 200, answer.text
    return [event["rule"] for event in answer.json["events"]]


def iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat()


async def test_events_are_found_by_words_filter_field_and_time(tmp_path: Path) -> None:
    async with door(tmp_path) as opened, opened.client() as client:
        await opened.site.add(
            alert(NOW, rule="Shell", priority="Error"),
            alert(NOW + 1, rule="Odd", output_fields={"k8s.pod.name": "cart-7d9f5c", "fd.name": "/etc/a b=c/d.conf"}),
            alert(NOW + 2, rule="Other", hostname="node-2", source="k8s_audit"),
        )
        assert await rules(client) == ["Other", "Odd", "Shell"]
        assert await rules(client, q="shell spawned", priority="Error") == ["Shell"]
        assert await rules(client, filter='rule = "Odd" or hostname = node-2') == ["Other", "Odd"]
        assert await rules(client, field="k8s.pod.name=cart-7d9f5c") == ["Odd"]
        assert await rules(client, field=["fd.name=/etc/a b=c/d.conf", "k8s.pod.name=cart-7d9f5c"]) == ["Odd"]
        assert await rules(client, field="k8s.pod.name=cart") == []
        assert await rules(client, host="node-2", source="k8s_audit", filter="priority >= Debug") == ["Other"]
        assert await rules(client, since=iso(NOW + 1), until=iso(NOW + 2)) == ["Odd"]


async def test_every_page_shows_alerts_that_are_valid_and_strange(tmp_path: Path) -> None:
    strange = strange_alerts()
    paths = ["/events", "/events?since=all", *(f"/events/{event.uuid}" for event in strange), "/api/events"]
    async with door(tmp_path) as opened, opened.client() as client:
        await opened.site.add(*strange)
        assert {path: (await client.get(path)).status for path in paths} == dict.fromkeys(paths, 200)


async def test_pages_follow_one_another_to_the_end(tmp_path: Path) -> None:
    async with door(tmp_path) as opened, opened.client() as client:
        await opened.site.add(*(alert(NOW + number, rule=f"Rule {number}") for number in range(25)))
        found: list[str] = []
        cursor = ""
        while True:
            page = (await client.get(f"/api/events?limit=10{cursor}")).json
            assert page["complete"]
            found += [event["rule"] for event in page["events"]]
            if page["next"] is None:
                break
            cursor = f"&cursor={page['next']}"
        assert found == [f"Rule {number}" for number in reversed(range(25))]


async def test_an_event_is_as_falco_wrote_it(tmp_path: Path) -> None:
    """Numbers among it, which JSON libraries like to write anew."""
    body = json.dumps(json.loads(alert(NOW).json) | {"output_fields": {"b": "NUMBERS"}})
    numbers = '{"big":123456789012345678901234567890,"exact":1.0,"exponent":1E+2}'
    (event,) = decode(body.replace('"NUMBERS"', numbers).encode())
    async with door(tmp_path) as opened, opened.client() as client:
        await opened.site.add(event, hostile(NOW))
        answer = await client.get(f"/api/events/{event.uuid}")
        assert numbers in answer.text
        assert event.json.decode() in (await client.get("/api/events")).text


async def test_one_event_tells_where_it_went(tmp_path: Path) -> None:
    async with door(tmp_path) as opened, opened.client() as client:
        event = alert(NOW)
        await opened.site.add(event)
        opened.site.outputs.fates[event.uuid] = [Delivery("slack", "dead", "answered 400: too long")]
        found = (await client.get(f"/api/events/{event.uuid}")).json
        assert found["event"] == json.loads(event.json)
        assert found["deliveries"] == [
            {"output": "slack", "status": "dead", "detail": "answered 400: too long", "attempts": []}
        ]


async def test_events_are_counted_over_time_and_by_what_they_share(tmp_path: Path) -> None:
    async with door(tmp_path) as opened, opened.client() as client:
        minute = NOW // 60 * 60
        await opened.site.add(
            *(alert(minute + number, rule="Loud") for number in range(3)),
            alert(minute + 60, rule="Rare", priority="Critical", hostname="node-2"),
        )
        window = urlencode({"since": iso(minute - 60), "until": iso(minute + 120)})
        histogram = (await client.get(f"/api/histogram?{window}")).json
        assert histogram["step"] == 60
        assert histogram["bars"] == [
            {"start": minute, "priority": "Warning", "events": 3},
            {"start": minute + 60, "priority": "Critical", "events": 1},
        ]
        one = (await client.get(f"/api/histogram?{window}&priority=Critical&host=node-2")).json
        assert [bar["events"] for bar in one["bars"]] == [1]
        top = (await client.get(f"/api/top/rule?{window}")).json
        assert top == [{"name": "Loud", "events": 3}, {"name": "Rare", "events": 1}]
        assert (await client.get(f"/api/top/rule?{window}&limit=1")).json == top[:1]


async def test_new_events_come_as_they_are_accepted(tmp_path: Path) -> None:
    async with door(tmp_path) as opened, opened.client() as client:
        loud, quiet = alert(NOW, rule="Loud", priority="Alert"), alert(NOW, rule="Quiet", priority="Debug")
        async with client.stream("/api/events/live?filter=priority+%3E%3D+Error") as (kind, lines):
            assert kind == "text/event-stream; charset=utf-8"
            assert await anext(lines) == ": from now on"
            await until(lambda: opened.site.arrivals.followed, what="a follower")
            for event in (quiet, loud):
                opened.site.arrivals.add(event)
            assert json.loads((await anext(lines)).removeprefix("data: ")) == json.loads(loud.json)
        await until(lambda: not opened.site.arrivals.followed, what="nobody follows")


BAD = {
    "cursor": ("0", "-1", "x", "9" * 30, "1.5", "\0"),
    "limit": ("0", "501", "1e3", "9" * 5000),
    "since": ("yesterday", "9" * 400 + "d", "-1h", "\0", "0001-01-01T00:00:00+14:00", "1"),
    "filter": ("proc.name", "(" * 9000, 'a = "\0', "priority >= Loud"),
    "field": ("proc.name", "=x", "x" * 10_001),
    "priority": ("Loud", "\0"),
    "q": ("x" * 1001,),
    "nonsense": ("1",),
}


@pytest.mark.parametrize("name", BAD)
async def test_what_makes_no_sense_is_refused_in_a_sentence(tmp_path: Path, name: str) -> None:
    async with door(tmp_path) as opened, opened.client() as client:
        for value in BAD[name]:
            answer = await client.get(f"/api/events?{name}={quote(value)}")
            assert (answer.status, bool(answer.error)) == (422, True), (value[:50], answer.text[:200])


async def test_what_is_odd_and_harmless_finds_nothing(tmp_path: Path) -> None:
    async with door(tmp_path) as opened, opened.client() as client:
        await opened.site.add(alert(NOW))
        for query in ({"q": '" OR *'}, {"filter": 'rule = "\0"'}, {"rule": "\0'\";--"}, {"field": "\0=\0"}):
            assert await rules(client, **query) == []
        for uuid in ("x", "%00", "%F0%9F%92%A9", "..%2F..", "a" * 5000, "%22", "{" * 32):
            answer = await client.get(f"/api/events/{uuid}")
            assert answer.status == 404, uuid
        ages = urlencode({"since": "0001-01-01", "until": "9999-12-31T23:59:59"})
        for path in ("histogram", "top/rule", "events"):
            for query in (ages, "until=0001-01-01", "since=9999-12-31"):
                assert (await client.get(f"/api/{path}?{query}")).status == 200, query
        for query in ("since=1h&until=2h", "since=2026-01-01&until=2026-01-01", "bars=0", "bars=1001", "words=x"):
            assert (await client.get(f"/api/histogram?{query}")).status == 422


async def test_without_a_store_the_api_says_so(tmp_path: Path) -> None:
    async with door(tmp_path) as opened, opened.client() as client:
        await asyncio.to_thread((tmp_path / "store.db").unlink)
        for path in ("events", "events/x", "histogram", "top/rule"):
            answer = await client.get(f"/api/{path}")
            assert (answer.status, bool(answer.error)) == (503, True), path


@given(st.text(max_size=30))
def test_any_text_is_a_moment_or_refused(text: str) -> None:
    try:
        found = moment(text)
    except ValueError:
        return
    assert found.tzinfo == UTC


def test_moments_are_back_from_now_or_as_they_stand() -> None:
    assert abs(moment("2h").timestamp() - (time.time() - 7200)) < 60
    assert moment("2026-05-06T07:08:00+02:00") == datetime(2026, 5, 6, 5, 8, tzinfo=UTC)
    assert moment("2026-05-06") == datetime(2026, 5, 6, tzinfo=UTC)
