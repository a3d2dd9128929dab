"""Clouds and clusters whose answers get lost in mid-stream, and AWS's services killed in it: alerts in are alerts
there, once where that is promised."""

import gzip
import json
import random
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from sidekick.sdk import Answer, Context, Output, Request
from sidekick.sdk.testing import Fault, Script
from sidekick.settings.catalog import output_types
from tests.outputs.midstream import RETRY, restart, through
from tests.services.azure import Azure, azure
from tests.services.cluster import Cluster, cluster
from tests.services.google import Google, google
from tests.services.moto import Moto

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


def made(name: str, settings: dict[str, Any]) -> Output[Any]:
    kind = output_types()[name].output
    assert kind is not None
    keys = {**kind.example, **settings, "retry": RETRY, "batch": {"count": 20, "linger": "0s"}}
    known = {key: value for key, value in keys.items() if key in kind.Settings.model_fields}
    return kind(kind.Settings.model_validate(known), Context())


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
    async with place(tmp_path) as (service, settings, arrived):
        output = made(name, settings)
        script = losing(service)
        troubles = (
            lambda: setattr(service.server, "script", script),
            lambda: setattr(service.server, "script", service),
        )
        events = await through(output, tmp_path, *troubles, between=60)
        found = Counter(arrived())
    assert found.keys() == {event.uuid for event in events}
    assert not once or set(found.values()) == {1}


def in_objects(moto: Moto, bucket: str) -> list[bytes]:
    return [line for body in moto.objects(bucket).values() for line in body.splitlines()]


AWS: dict[str, tuple[Callable[[Moto], Any], Callable[[Any], dict[str, Any]], Callable[[Moto, Any], Iterable[Any]]]] = {
    "aws.s3": (Moto.bucket, lambda bucket: {"bucket": bucket}, in_objects),
    "aws.sqs": (
        Moto.queue,
        lambda url: {"url": url},
        lambda moto, url: [message["Body"] for message in moto.messages(url)],
    ),
    "aws.sns": (
        Moto.topic,
        lambda made: {"topicarn": made[0], "rawjson": True},
        lambda moto, made: [message["Message"] for message in moto.notifications(made[1])],
    ),
    "aws.kinesis": (
        Moto.stream,
        lambda name: {"streamname": name},
        lambda moto, name: [record["Data"] for record in moto.records(name)],
    ),
    "aws.lambda": (Moto.function, lambda name: {"functionname": name}, Moto.payloads),
    "aws.cloudwatchlogs": (
        Moto.log_group,
        lambda group: {"loggroup": group, "logstream": ""},
        lambda moto, group: [one["message"] for one in moto.log_events(group, "falcosidekick-logstream")],
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", AWS)
async def test_an_aws_service_killed_in_mid_stream_has_every_alert(name: str, tmp_path: Path) -> None:
    make, settings, found = AWS[name]
    with Moto(tmp_path / "moto") as moto:
        place = make(moto)
        output = made(name, moto.settings | {"timeout": "5s"} | settings(place))
        events = await through(output, tmp_path, restart(moto.kill, moto), between=60)
        copies = Counter(ids(found(moto, place)))
    assert copies.keys() == {event.uuid for event in events}
    assert name != "aws.s3" or set(copies.values()) == {1}, "a batch that is sent again replaces itself"
