"""Who is told of what, by the running service: filters, named instances, groups, limits and silences."""

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.deadline import until
from tests.faults.endpoint import Endpoint
from tests.faults.falco import Falco
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
    falco = Falco(port)
    for one in alerts:
        assert await falco.exchange(json.dumps(one).encode()) == 200
    await falco.close()


@asynccontextmanager
async def running(home: Path, **settings: Any) -> AsyncGenerator[Sidekick]:
    """The service, ended in good order, and killed where a test fails."""
    sidekick = Sidekick(home, **settings)
    await asyncio.to_thread(sidekick.start)
    try:
        yield sidekick
        assert await asyncio.to_thread(sidekick.end) == 0
    finally:
        await asyncio.to_thread(sidekick.kill)


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
        sidekick = await stack.enter_async_context(running(tmp_path, **outputs))
        await post(sidekick.port, [alert(n) for n in range(30)])
        for name in FILTERS:
            await until(lambda name=name: idle(sidekick, name))
        counted = {name: outcomes(sidekick, name) for name in FILTERS}
    for name, expected in EXPECTED.items():
        assert sorted(event["output_fields"]["number"] for event in events(endpoints[name])) == sorted(expected), name
        assert counted[name] == {"delivered": len(expected), "filtered": 30 - len(expected)}


async def test_a_storm_is_two_messages_for_people_and_whole_for_the_store(tmp_path: Path) -> None:
    people, limited, store = Endpoint(), Endpoint(), tmp_path / "alerts.jsonl"
    outputs = {
        "file": {"path": str(store)},
        "webhook.people": {"group": {"window": "4s", "by": "rule,k8s.ns.name"}},
        "webhook.limited": {"throttle": {"rate": "1/d", "burst": 5, "window": "4s"}},
    }
    async with people.listening(), limited.listening():
        outputs["webhook.people"]["address"] = people.url
        outputs["webhook.limited"]["address"] = limited.url
        async with running(tmp_path, **outputs) as sidekick:
            await post(sidekick.port, [alert(3) | {"time": f"2026-05-06T07:08:{n * 0.06:05.2f}Z"} for n in range(1000)])
            for name in outputs:
                await until(lambda name=name: idle(sidekick, name))
            counted = [outcomes(sidekick, name) for name in outputs]
    assert len(store.read_text().splitlines()) == 1000
    first, digest = events(people)
    assert first["output"] == "alert 3"
    span = "in 60 s, first 2026-05-06T07:08:00Z, last 2026-05-06T07:08:59.94Z"
    assert digest["output"] == f"alert 3 (1,000 times {span})"
    assert len(events(limited)) == 6
    assert events(limited)[-1]["output_fields"]["sidekick.count"] == 995
    assert counted == [{"delivered": 1000}, {"delivered": 1, "grouped": 999}, {"delivered": 5, "throttled": 995}]


async def test_a_process_killed_in_a_window_tells_of_every_alert_when_it_is_back(tmp_path: Path) -> None:
    people = Endpoint()
    async with people.listening():
        settings = {"webhook": {"address": people.url, "group": {"window": "1h"}}}
        async with running(tmp_path, **settings) as sidekick:
            await post(sidekick.port, [alert(3)] * 100)
            await until(lambda: sidekick.metric("sidekick_output_lag_records", output="webhook") == 99)
            await asyncio.to_thread(sidekick.kill)
            await asyncio.to_thread(sidekick.start)
    told = [event["output_fields"].get("sidekick.count", 1) for event in events(people)]
    assert told == [1, 1, 99], "the second comes again as a first, and the digest counts from there"


async def test_what_is_silenced_is_kept_counted_and_in_the_stores(tmp_path: Path) -> None:
    people, store = Endpoint(), tmp_path / "alerts.jsonl"
    silence = {"filter": "k8s.ns.name = payments", "until": "9998-01-01", "author": "ann", "reason": "a test"}
    async with people.listening():
        settings = {"webhook": {"address": people.url}, "file": {"path": str(store)}, "silences": [silence]}
        async with running(tmp_path, **settings) as sidekick:
            await post(sidekick.port, [alert(n) for n in range(30)])
            for name in ("file", "webhook"):
                await until(lambda name=name: idle(sidekick, name))
            assert outcomes(sidekick, "webhook") == {"delivered": 20, "silenced": 10}
            assert outcomes(sidekick, "file") == {"delivered": 30}
    assert {event["output_fields"]["k8s.ns.name"] for event in events(people)} == {"default", "kube-system"}
