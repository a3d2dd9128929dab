"""Who is told of what, by the running service: filters, named instances, groups, limits and silences."""

import asyncio
import json
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.deadline import until
from tests.faults.endpoint import Endpoint
from tests.faults.sidekick import Sidekick

pytestmark = pytest.mark.timeout(120)

NAMESPACES = ["default", "kube-system", "payments"]
PRIORITIES = ["Critical", "Warning", "Notice"]
FILTERS = {
    "webhook.a": "priority >= Warning and not k8s.ns.name in (kube-system)",
    "webhook.b": "tags intersects (network) or proc.name glob 'ba*'",
    "webhook.c": "fd.rip net 10.0.0.0/8",
    "webhook.d": "not fd.rip exists",
    "webhook.e": "rule icontains shell and number >= 15",
    "webhook.f": "k8s.ns.name = payments and priority = Critical",
}


def alert(n: int) -> dict[str, Any]:
    """One of thirty that differ in all that the filters ask for."""
    fields = {
        "number": n,
        "k8s.ns.name": NAMESPACES[n % 3],
        "proc.name": "bash" if n % 5 == 0 else "sh",
    } | ({"fd.rip": f"{10 + n % 2}.1.2.3"} if n % 4 else {})
    return {
        "rule": "Shell in container" if n % 2 else "Outbound connection",
        "priority": PRIORITIES[n // 10],
        "time": f"2026-05-06T07:08:{n:02}Z",
        "output": f"alert {n}",
        "output_fields": fields,
        "tags": ["network"] if n % 7 == 0 else [],
    }


EXPECTED = {
    "webhook.a": {n for n in range(20) if n % 3 != 1},
    "webhook.b": {n for n in range(30) if n % 7 == 0 or n % 5 == 0},
    "webhook.c": {n for n in range(30) if n % 4 and n % 2 == 0},
    "webhook.d": {n for n in range(30) if n % 4 == 0},
    "webhook.e": {n for n in range(15, 30) if n % 2},
    "webhook.f": {2, 5, 8},
}


async def post(port: int, alerts: list[dict[str, Any]]) -> None:
    """Each in a request of its own, on one connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for one in alerts:
        body = json.dumps(one).encode()
        writer.write(b"POST / HTTP/1.1\r\nHost: sidekick\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 ")
    writer.close()
    await writer.wait_closed()


def outcomes(sidekick: Sidekick, output: str) -> dict[str, float]:
    """What became of an output's alerts, zeros left out."""
    families = text_string_to_metric_families(sidekick.get("/metrics")[1].decode())
    samples = [sample for family in families for sample in family.samples if sample.labels.get("output") == output]
    events = [sample for sample in samples if sample.name == "sidekick_output_events_total"]
    return {sample.labels["outcome"]: sample.value for sample in events if sample.value}


def idle(sidekick: Sidekick, output: str) -> bool:
    return sidekick.metric("sidekick_output_lag_records", output=output) == 0


def events(endpoint: Endpoint) -> list[dict[str, Any]]:
    return [json.loads(body) for body in endpoint.bodies]


async def test_six_named_instances_with_six_filters_get_exactly_their_alerts(tmp_path: Path) -> None:
    endpoints = {name: Endpoint() for name in FILTERS}
    async with AsyncExitStack() as stack:
        for endpoint in endpoints.values():
            await stack.enter_async_context(endpoint.listening())
        outputs = {name: {"address": endpoints[name].url, "filter": FILTERS[name]} for name in FILTERS}
        sidekick = Sidekick(tmp_path, **outputs)
        await asyncio.to_thread(sidekick.start)
        await post(sidekick.port, [alert(n) for n in range(30)])
        for name in FILTERS:
            await until(lambda name=name: idle(sidekick, name))
        counted = {name: outcomes(sidekick, name) for name in FILTERS}
        assert await asyncio.to_thread(sidekick.end) == 0
    for name, expected in EXPECTED.items():
        assert sorted(event["output_fields"]["number"] for event in events(endpoints[name])) == sorted(expected), name
        assert counted[name] == {"delivered": len(expected), "filtered": 30 - len(expected)}


async def test_a_storm_is_two_messages_for_people_and_whole_for_the_store(tmp_path: Path) -> None:
    people, limited, store = Endpoint(), Endpoint(), tmp_path / "alerts.jsonl"
    async with people.listening(), limited.listening():
        sidekick = Sidekick(
            tmp_path,
            file={"path": str(store)},
            **{
                "webhook.people": {"address": people.url, "group": {"window": "4s", "by": "rule,k8s.ns.name"}},
                "webhook.limited": {"address": limited.url, "throttle": {"rate": "1/d", "burst": 5, "window": "4s"}},
            },
        )
        await asyncio.to_thread(sidekick.start)
        storm = [alert(3) | {"time": f"2026-05-06T07:08:{n * 0.06:09.6f}Z"} for n in range(1000)]
        await post(sidekick.port, storm)
        for name in ("file", "webhook.people", "webhook.limited"):
            await until(lambda name=name: idle(sidekick, name))
        counted = [outcomes(sidekick, name) for name in ("file", "webhook.people", "webhook.limited")]
        assert await asyncio.to_thread(sidekick.end) == 0
    assert len(store.read_text().splitlines()) == 1000
    first, digest = events(people)
    assert first["output"] == "alert 3"
    assert digest["output"].startswith(
        "alert 3 (1,000 times in 60 s, first 2026-05-06T07:08:00Z, last 2026-05-06T07:08:"
    )
    assert len(events(limited)) == 6
    assert events(limited)[-1]["output_fields"]["sidekick.count"] == 995
    assert counted == [
        {"delivered": 1000},
        {"delivered": 1, "grouped": 999},
        {"delivered": 5, "throttled": 995},
    ]


async def test_a_process_killed_in_a_window_tells_of_every_alert_when_it_is_back(tmp_path: Path) -> None:
    people = Endpoint()
    async with people.listening():
        sidekick = Sidekick(tmp_path, webhook={"address": people.url, "group": {"window": "1h"}})
        await asyncio.to_thread(sidekick.start)
        await post(sidekick.port, [alert(3)] * 100)
        await until(lambda: people.bodies)
        await asyncio.to_thread(sidekick.kill)
        await asyncio.to_thread(sidekick.start)
        assert await asyncio.to_thread(sidekick.end) == 0
    told = [event["output_fields"].get("sidekick.count", 1) for event in events(people)]
    assert told[0] == 1
    assert 99 <= told[-1] <= 100
    assert len({event["uuid"] for event in events(people)}) == len(told) or told == [1, 1, 100]


async def test_what_is_silenced_is_kept_counted_and_in_the_stores(tmp_path: Path) -> None:
    people, store = Endpoint(), tmp_path / "alerts.jsonl"
    async with people.listening():
        silence = {"filter": "k8s.ns.name = payments", "until": "9998-01-01", "author": "ann", "reason": "a test"}
        sidekick = Sidekick(tmp_path, webhook={"address": people.url}, file={"path": str(store)}, silences=[silence])
        await asyncio.to_thread(sidekick.start)
        await post(sidekick.port, [alert(n) for n in range(30)])
        for name in ("file", "webhook"):
            await until(lambda name=name: idle(sidekick, name))
        assert outcomes(sidekick, "webhook") == {"delivered": 20, "silenced": 10}
        assert outcomes(sidekick, "file") == {"delivered": 30}
        assert await asyncio.to_thread(sidekick.end) == 0
    assert {event["output_fields"]["k8s.ns.name"] for event in events(people)} == {"default", "kube-system"}
