"""What can be done by the API, and what cannot."""

import asyncio
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from tests.api.door import door
from tests.deadline import until
from tests.web.alerts import HOSTILE_RULE, alert, hostile
from tests.web.site import Sender

SOON = (datetime.now(UTC) + timedelta(hours=4)).isoformat()

NO_WINDOWS: list[Any] = [
    *(None, {}, [], "2h", {"since": "never"}, {"since": 5}),
    *({"since": "2h", "till": "1h"}, {"since": "1h", "until": "2h"}),
]


async def test_outputs_are_shown_paused_resumed_tested_and_replayed(tmp_path: Path) -> None:
    async with door(tmp_path) as opened, opened.client() as client:
        (shown,) = (await client.get("/api/outputs")).json
        assert (shown["name"], shown["status"], shown["delivered"]) == ("slack", "ok", 17)
        assert "paused" in (await client.post("/api/outputs/slack/pause")).json["message"]
        assert (await client.get("/api/outputs")).json[0]["status"] == "paused"
        await client.post("/api/outputs/slack/resume")
        assert (await client.post("/api/outputs/slack/test")).json == {"message": "slack took the test event."}
        await client.post("/api/outputs/slack/replay", {"since": "2h"})
        await client.post("/api/outputs/slack/replay", {"since": "2h", "until": "1h"})
        steps = ("pause", "resume", "test", "replay 120 min", "replay 120 to 60 min")
        assert opened.site.outputs.done == [(step, "slack", "local") for step in steps]
        for verb, body in (("pause", None), ("resume", None), ("test", None), ("replay", {"since": "2h"})):
            assert (await client.post(f"/api/outputs/kafka/{verb}", body)).status == 404
        for body in NO_WINDOWS:
            assert (await client.post("/api/outputs/slack/replay", body)).status == 422
        assert len(opened.site.outputs.done) == 5


async def test_dead_letters_are_shown_replayed_and_dropped(tmp_path: Path) -> None:
    async with door(tmp_path) as opened, opened.client() as client:
        box = opened.site.letters.boxes["slack"]
        events = [alert(1_790_000_000, rule=f"Rule {number}") for number in range(3)]
        for event in events:
            await box.add(event, "answered 400: too long")
        await box.add(hostile(1_790_000_000), HOSTILE_RULE)
        found = (await client.get("/api/dead-letters?limit=2")).json
        assert (len(found["letters"]), found["total"]) == (2, 4)
        assert (await client.get("/api/dead-letters?output=kafka")).json == {"letters": [], "total": 0}
        ids = [event.uuid for event in events]
        letter = (await client.get(f"/api/dead-letters/slack/{ids[0]}")).json
        assert (letter["reason"], letter["event"]["rule"]) == ("answered 400: too long", "Rule 0")
        assert (await client.get(f"/api/dead-letters/kafka/{ids[0]}")).status == 404

        assert (await client.post("/api/dead-letters/replay", {"output": "slack", "ids": [*ids, "x"]})).status == 404
        assert (await client.post("/api/dead-letters/drop", {"output": "kafka", "ids": ids})).status == 404
        assert (await client.post("/api/dead-letters/drop", {"output": "slack", "ids": []})).status == 422
        assert len(box.letters()) == 4
        done = await client.post("/api/dead-letters/replay", {"output": "slack", "ids": ids[:1]})
        assert done.json == {"message": "slack: 1 replayed."}
        await client.post("/api/dead-letters/drop", {"output": "slack", "ids": ids[1:]})
        assert [letter.decoded().rule for letter in box.letters().values()] == [HOSTILE_RULE]


async def test_silences_are_made_shown_and_ended(tmp_path: Path) -> None:
    async with door(tmp_path) as opened, opened.client() as client:
        made = await client.post(
            "/api/silences", {"filter": "proc.name = bash", "until": SOON, "reason": "a known job"}
        )
        assert made.status == 201
        assert (await client.get("/api/silences")).json == [made.json]
        (silence,) = opened.site.silencing.active()
        assert (silence.author, silence.reason, silence.until.isoformat()) == ("local", "a known job", SOON)
        assert opened.site.silences.covers(alert(1_790_000_000))
        assert (await client.send("DELETE", f"/api/silences/{silence.id}")).status == 200
        assert (await client.send("DELETE", f"/api/silences/{silence.id}")).status == 404
        assert (await client.get("/api/silences")).json == []


@pytest.mark.parametrize(
    "change",
    [
        {"filter": "proc.name"},
        {"filter": ""},
        {"filter": "\ud800"},
        {"until": "2001-01-01T00:00:00Z"},
        {"until": "2999-01-01T00:00:00"},
        {"until": "9999-12-31T23:59:59-12:00"},
        {"until": 99999999999999999999},
        {"until": None},
        {"reason": ""},
        {"author": "somebody else"},
        {"\ud800": 1},
    ],
    ids=repr,
)
async def test_a_silence_that_makes_no_sense_is_not_made(tmp_path: Path, change: dict[str, Any]) -> None:
    async with door(tmp_path) as opened, opened.client() as client:
        body = {"filter": "proc.name = bash", "until": SOON, "reason": "x"} | change
        answer = await client.post("/api/silences", body)
        assert (answer.status, bool(answer.error)) == (422, True)
        assert opened.site.silencing.active() == []
        assert (await client.get("/silences")).status == 200


async def test_sources_are_blocked_shown_and_unblocked(tmp_path: Path) -> None:
    async with door(tmp_path, blocker=True) as opened, opened.client() as client:
        new = {"target": "8.8.4.4", "seconds": 3600, "reason": "mining pool", "alert": "an-id"}
        assert (await client.post("/api/blocks", new)).json == {"message": "8.8.4.4 is blocked."}
        (block,) = (await client.get("/api/blocks")).json
        assert (block["target"], block["reason"], block["alert"]) == ("8.8.4.4", "mining pool (local)", "an-id")
        assert block["until"] > block["since"]
        refused = await client.post("/api/blocks", new | {"target": "127.0.0.1"})
        assert (refused.status, "not blocked" in refused.error) == (409, True)
        assert (await client.send("DELETE", "/api/blocks?target=8.8.4.4")).status == 200
        assert (await client.get("/api/blocks")).json == []
        for change in ({"seconds": 0}, {"seconds": 1e400}, {"target": ""}, {"reason": ""}, {"alert": None}):
            assert (await client.post("/api/blocks", new | change)).status == 422


async def test_without_a_blocker_the_api_says_so(tmp_path: Path) -> None:
    async with door(tmp_path) as opened, opened.client() as client:
        new = {"target": "8.8.4.4", "seconds": 3600, "reason": "x"}
        for answer in (
            await client.get("/api/blocks"),
            await client.post("/api/blocks", new),
            await client.send("DELETE", "/api/blocks?target=8.8.4.4"),
        ):
            assert (answer.status, answer.error) == (404, "No source blocker is configured.")


async def test_refused_bodies_senders_and_the_trail_are_shown_newest_first(tmp_path: Path) -> None:
    async with door(tmp_path) as opened, opened.client() as client:
        site = opened.site
        for number in range(3):
            site.refused.add("json", b"\xff body %d" % number, "198.51.100.1")
        bodies = (await client.get("/api/refused?limit=2")).json
        assert [body["body"] for body in bodies] == ["\ufffd body 2", "\ufffd body 1"]
        assert (bodies[0]["reason"], bodies[0]["length"]) == ("json", 8)
        site.senders.known = [Sender("node-1", "cluster-a", 1_790_000_000, 1_790_000_060.5, 12, quiet=True)]
        (sender,) = (await client.get("/api/senders")).json
        assert (sender["first"], sender["count"], sender["quiet"]) == ("2026-09-21T14:13:20Z", 12, True)
        for number in range(3):
            await site.trail.note("mara", "pause", f"output {number}")
        trail = (await client.get("/api/trail?limit=2")).json
        assert [(entry["by"], entry["action"], entry["target"]) for entry in trail] == [
            ("mara", "pause", "output 2"),
            ("mara", "pause", "output 1"),
        ]


async def test_bodies_that_are_no_json_or_too_long_are_refused(tmp_path: Path) -> None:
    async with door(tmp_path) as opened, opened.client() as client:
        path = "/api/silences"
        json = {"Content_Type": "application/json"}
        for body in (b"{", b"\xff\xfe", b"[" * 100_000, b"1" * 10_000, b'{"filter": NaN}', b"null", b'"\\ud800"'):
            answer = await client.post(path, body, **json)
            assert (answer.status in (400, 422), bool(answer.error)) == (True, True), body[:20]
        assert (await client.post(path, b"{}", Content_Type="text/plain")).status == 415
        assert (await client.post(path, b"{}", Content_Type="application/x-www-form-urlencoded")).status == 415
        for length in (1 << 20, (1 << 20) + 1):
            answer = await client.post(path, BytesIO(b"[" * length), **json)
            assert answer.status == (413 if length > 1 << 20 else 400), answer.text
        assert opened.site.silencing.active() == []


async def test_every_answer_has_the_policy(tmp_path: Path) -> None:
    async with door(tmp_path) as opened, opened.client() as client:
        for path in ("/", "/events", "/static/page.js", "/static/nothing", "/api/outputs", "/api/docs", "/nothing"):
            headers = (await client.get(path)).headers
            policy = headers["Content-Security-Policy"]
            assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'"), path
            assert "unsafe" not in policy
            assert {"form-action 'self'", "frame-ancestors 'none'", "base-uri 'none'"} <= set(policy.split("; ")), path
            assert headers["X-Content-Type-Options"] == "nosniff"
            assert headers["Referrer-Policy"] == "same-origin"
            assert headers["Cross-Origin-Opener-Policy"] == headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert (await client.get("/static/page.js")).headers["Cache-Control"] == "no-cache"
        assert (await client.get("/events")).headers["Cache-Control"] == "no-store"


async def test_a_client_that_leaves_early_changes_nothing_and_is_no_defect(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with door(tmp_path) as opened, opened.client() as client:
        caplog.set_level("DEBUG", "sidekick.api")
        port = opened.site.url.rpartition(":")[2]
        for path in ("/api/silences", "/api/outputs/slack/pause", "/silences"):
            head = f"POST {path} HTTP/1.1\r\nHost: localhost:{port}\r\nContent-Type: application/json\r\n"
            reader, writer = await asyncio.open_connection("127.0.0.1", int(port))
            writer.write(f"{head}Content-Length: 100\r\n\r\n{{}}".encode())
            await writer.drain()
            writer.close()
            await writer.wait_closed()
            assert await reader.read() == b""
        await until(lambda: caplog.text.count("left before") == 3, what="they have left")
        assert (await client.get("/api/outputs")).status == 200
        assert (opened.site.outputs.done, opened.site.silencing.active()) == ([], [])
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []


async def test_what_is_said_of_a_long_name_is_short(tmp_path: Path) -> None:
    async with door(tmp_path) as opened, opened.client() as client:
        picked = await client.post("/api/dead-letters/drop", {"output": "slack", "ids": ["x" * 900_000]})
        named = await client.send("DELETE", f"/api/silences/{'x' * 50_000}")
        for answer in (picked, named):
            assert (answer.status, "x" * 100 in answer.error, len(answer.text) < 3000) == (404, True, True)


async def test_who_asks_for_a_page_by_the_wrong_method_is_told_the_right_one_as_a_program_is(tmp_path: Path) -> None:
    async with door(tmp_path) as opened, opened.client() as client:
        for accepted in ("text/html", "*/*"):
            answer = await client.get("/outputs/slack", Accept=accepted)
            assert (answer.status, answer.headers.get("Allow")) == (405, "POST")
