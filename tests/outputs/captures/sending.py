"""What we send: an output with the recorded configuration, its alerts, and a server on loopback that remembers."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlsplit

from sidekick.app import context, enrichment
from sidekick.event import Event, decode
from sidekick.pipeline import Route
from sidekick.sdk.http import Answer, Request
from sidekick.sdk.output import HttpOutput
from sidekick.sdk.testing import Fault, Loopback, Script, loopback, takes_all
from sidekick.settings import Configuration, load
from tests.outputs.captures.recording import DATA, Recording
from tests.receivers import aws_kinesis, aws_sns, aws_sqs, gcp_pubsub
from tests.services.azure import azure
from tests.services.google import google

_TEST_EVENT = "inputs/f_test_endpoint.json"
_GOOGLE_KEY = "<base64 of a fake service-account JSON key>"
_RECEIVERS: dict[str, Script] = {
    "aws.kinesis": aws_kinesis.accept,
    "aws.sns": aws_sns.accept,
    "aws.sqs": aws_sqs.accept,
    "gcp.pubsub": gcp_pubsub.accept,
    "yandex.datastreams": aws_kinesis.accept,
}
_KUBECONFIG = DATA.parent / "kubeconfig.yaml"


@dataclass(frozen=True)
class Sent:
    host: str
    request: Request


async def sent(recording: Recording, variant: str) -> Mapping[str | None, list[Sent]]:
    """Our requests by the alert that they carry; under None those of the start."""
    async with (
        google(token="fake-access-token") as logins,
        azure(),
        loopback(_answers(recording.output, variant)) as server,
    ):
        with _configuration(recording, variant, logins.credentials) as configuration:
            chosen = configuration.outputs[recording.output]
            enrich, wanted = enrichment(configuration), Route(chosen.settings)
            hosts: list[str] = []
            output = _diverted(chosen.type, server, hosts)(chosen.settings, context(configuration))
            requests: dict[str | None, list[Sent]] = {}
            try:
                await output.connect()
                requests[None] = _taken(server, hosts)
                for name in dict.fromkeys(
                    capture.input for capture in recording.captures if capture.variant == variant
                ):
                    if name is not None and wanted(event := enrich(_event(name))):
                        await output.send([event])
                        requests[name] = _taken(server, hosts)
            finally:
                await output.close()
            return requests


@contextmanager
def _configuration(recording: Recording, variant: str, google_key: str) -> Iterator[Configuration]:
    """Loaded as a user's file is: JSON is YAML, and falcosidekick's keys may be in any case."""
    text = json.dumps(recording.configurations[variant], ensure_ascii=False).replace(_GOOGLE_KEY, google_key)
    with TemporaryDirectory() as folder:
        path = Path(folder, "config.yaml")
        path.write_text(text.replace("/etc/falcosidekick/kubeconfig", str(_KUBECONFIG)))
        yield load(path, recording.environments.get(variant, {}))


def _event(name: str) -> Event:
    if name == _TEST_EVENT:
        return Event.test()
    (event,) = decode((DATA / name).read_bytes())
    return event


def _answers(output: str, variant: str) -> Script:
    taking = _RECEIVERS.get(output, takes_all)

    def answer(request: Request) -> Answer | Fault:
        absent = request.url.endswith("/describe") and not variant.endswith("_exists")
        return Answer(404, {"content-type": "application/json"}, b"{}") if absent else taking(request)

    return answer


def _taken(server: Loopback, hosts: list[str]) -> list[Sent]:
    taken = [Sent(host, request) for host, (request, _) in zip(hosts, server.requests, strict=True)]
    hosts.clear()
    server.requests.clear()
    return taken


def _diverted(kind: type[Any], server: Loopback, hosts: list[str]) -> type[HttpOutput[Any]]:
    """The output with the server in place of every host; the hosts that it meant are noted."""

    class Diverted(kind):
        async def request(self, request: Request) -> Answer:
            parts = urlsplit(request.url)
            hosts.append(parts.netloc.removesuffix(":443" if parts.scheme == "https" else ":80"))
            query = f"?{parts.query}" if parts.query else ""
            return await super().request(replace(request, url=f"{server.url}{parts.path or '/'}{query}"))

    return Diverted
