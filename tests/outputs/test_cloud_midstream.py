"""Clouds and clusters whose answers get lost in mid-stream: alerts in are alerts there, once where that is promised."""

import gzip
import json
import random
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from sidekick.sdk import Answer, Context, Request
from sidekick.sdk.testing import Fault, Script
from sidekick.settings.catalog import output_types
from tests.outputs.midstream import RETRY, through
from tests.services.azure import Azure, azure
from tests.services.cluster import Cluster, cluster
from tests.services.google import Google, google

Place = AbstractAsyncContextManager[tuple[Any, dict[str, Any], Callable[[], Iterable[str]]]]


def ids(payloads: Iterable[bytes]) -> list[str]:
    return [json.loads(payload)["uuid"] for payload in payloads]


@asynccontextmanager
async def at_google(folder: Path) -> AsyncGenerator[tuple[Google, dict[str, Any], Callable[[], Iterable[str]]]]:
    async with google() as service:

        def arrived() -> list[str]:
            lines = [line for body in service.objects.values() for line in gzip.decompress(body).splitlines()]
            return ids([*(message.data for message in service.messages), *(log.data for log in service.logs), *lines])

        yield service, {"endpoint": service.url, "credentials": service.credentials}, arrived


@asynccontextmanager
async def at_azure(folder: Path) -> AsyncGenerator[tuple[Azure, dict[str, Any], Callable[[], Iterable[str]]]]:
    async with azure() as service:
        settings = {"connectionstring": service.connection_string}
        yield service, settings, lambda: ids(service.messages)


@asynccontextmanager
async def at_azure_monitor(folder: Path) -> AsyncGenerator[tuple[Azure, dict[str, Any], Callable[[], Iterable[str]]]]:
    async with azure() as service:
        yield service, {"endpoint": service.url}, lambda: [row.uuid for row in service.rows]


@asynccontextmanager
async def in_cluster(folder: Path) -> AsyncGenerator[tuple[Cluster, dict[str, Any], Callable[[], Iterable[str]]]]:
    async with cluster() as service:

        def arrived() -> Iterable[str]:
            for document in service.objects.values():
                if document["kind"] == "Event":
                    yield document["metadata"]["annotations"]["falco.org/id"]
                else:
                    yield from (result["properties"]["falco.uuid"] for result in document["results"])

        yield service, {"kubeconfig": service.kubeconfig(folder)}, arrived


def losing(take: Script) -> Script:
    """Of ten requests one is answered with 503, and two are done and their answers lost."""
    chance = random.Random(8)

    def script(request: Request) -> Answer | Fault:
        turn = chance.random()
        if turn < 0.1:
            return Answer(503)
        outcome = take(request)
        return Fault.CUT if turn < 0.3 else outcome

    return script


@pytest.mark.parametrize(
    ("name", "place", "once"),
    [
        ("gcp.pubsub", at_google, False),
        ("gcp.chronicle", at_google, False),
        ("gcp.storage", at_google, False),
        ("azure.eventhub", at_azure, False),
        ("azure.loganalytics", at_azure_monitor, False),
        ("kubernetes.events", in_cluster, True),
        ("policyreport", in_cluster, True),
    ],
)
async def test_answers_that_get_lost_lose_no_alert(
    tmp_path: Path, name: str, place: Callable[[Path], Place], *, once: bool
) -> None:
    kind = output_types()[name].output
    assert kind is not None
    async with place(tmp_path) as (service, settings, arrived):
        keys = {**kind.example, **settings, "retry": RETRY, "batch": {"count": 20, "linger": "0s"}}
        known = {key: value for key, value in keys.items() if key in kind.Settings.model_fields}
        output = kind(kind.Settings.model_validate(known), Context())
        script = losing(service)
        troubles = (
            lambda: setattr(service.server, "script", script),
            lambda: setattr(service.server, "script", service),
        )
        events = await through(output, tmp_path, *troubles, between=60)
        found = Counter(arrived())
    assert found.keys() == {event.uuid for event in events}
    assert not once or set(found.values()) == {1}
