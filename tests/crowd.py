"""Fifty outputs at once, and their other ends on loopback: all that arrives is kept as a number and a digest an output.

A digest does not depend on the order and on the batches in which the alerts came, so that two runs can be compared.
"""

import gzip
import hashlib
import importlib
import importlib.util
import json
import re
import sqlite3
from asyncio import DatagramProtocol, StreamReader, StreamWriter, get_running_loop, start_server
from collections.abc import AsyncGenerator, Iterable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from sidekick.app import build_output, context
from sidekick.delivery import DeadLetters, Worker
from sidekick.journal import Journal, JournalSettings
from sidekick.pipeline import Route
from sidekick.sdk.http import Answer, Request
from sidekick.sdk.testing import Script, loopback, takes_all
from sidekick.settings import Configuration
from sidekick.settings.catalog import output_types

# By the key that leads there. What else an output needs stands in its example.
_BY_HTTP = {
    "address": "cloudevents kafkarest n8n nodered talon webhook",
    "apiurl": "dynatrace spyderbat",
    "endpoint": "gcp.cloudrun otlp.logs otlp.metrics otlp.traces",
    "endpointhost": "wavefront",
    "eventlistener": "tekton",
    "host": "datadog datadoglogs splunk telegram",
    "hostport": "alertmanager clickhouse elasticsearch gotify grafana influxdb loki openobserve opensearch quickwit"
    " zincsearch",
    "kubeconfig": "fission kubeless openfaas",
    "receiverurl": "sumologic",
    "url": "http webui",
    "webhookurl": "cliq discord googlechat grafanaoncall mattermost rocketchat slack teams webex",
}
_BESIDES: dict[str, dict[str, Any]] = {"http": {"form": "array"}}
_MARK = "Crowd"  # in the output and in the rule; letters alone, for nobody escapes them
_CRITICAL_EVERY = 20
_PRIORITIES = ("Error", "Warning", "Notice", "Informational")
_APPENDED_AT_ONCE = 1000


def body(number: int) -> bytes:
    """One alert of many rules, hosts and pods; every twentieth is critical."""
    priority = _PRIORITIES[number % len(_PRIORITIES)] if number % _CRITICAL_EVERY else "Critical"
    file = f"/srv/data/{number % 1009}"
    fields = {
        "container.id": f"{number % 97:012x}",
        "evt.time": 1_778_051_289_000_000_000 + number,
        "fd.name": file,
        "k8s.ns.name": f"team-{number % 11}",
        "k8s.pod.name": f"web-{number % 83}",
        "proc.cmdline": f'sh -c "cat <{number}> | tee é"',
        "proc.name": "sh",
        "proc.pid": number,
        "user.name": None if number % 5 else "root",
    }
    alert = {
        "output": f"07:08:09.000000000: {priority} {_MARK}: a file was read (number={number} file={file})",
        "priority": priority,
        "rule": f"{_MARK} {number % 31}",
        "source": "syscall",
        "hostname": f"node-{number % 83 % 13}",
        "time": f"2026-05-06T07:{number // 60 % 60:02}:{number % 60:02}.{number % 10**9:09}Z",
        "tags": ["container", f"tag-{number % 7}"],
        "output_fields": fields,
    }
    return json.dumps(alert).encode()


def wanted(name: str, alerts: int) -> int:
    """How many of the alerts an output gets: people are told of the critical ones alone."""
    return alerts if takes_every_alert(name) else -(-alerts // _CRITICAL_EVERY)


def takes_every_alert(name: str) -> bool:
    kind = output_types()[name].output
    assert kind
    return kind.limits.count > 1


def compared(name: str) -> bool:
    """Counters are told at moments of their own choice, so no two runs send the same."""
    kind = output_types()[name].output
    assert kind
    return kind.durable


def missing(metrics: str, names: Iterable[str], alerts: int) -> dict[str, int]:
    """By output, how many of the alerts that it gets are not delivered, by this text of /metrics."""
    pattern = re.compile(r'^sidekick_output_events_total\{outcome="delivered",output="(.+)"\} (\S+)$', re.MULTILINE)
    delivered = {name: int(float(count)) for name, count in pattern.findall(metrics)}
    left = {name: wanted(name, alerts) - delivered[name] for name in names}
    return {name: count for name, count in left.items() if count}


@dataclass
class Arrived:
    """What an output has sent: how many parts (alerts, or lines of one), and the sum of their hashes."""

    parts: int = 0
    digest: int = 0

    def add(self, parts: Iterable[bytes]) -> None:
        for part in parts:
            self.parts += 1
            self.digest = (self.digest + int.from_bytes(hashlib.blake2b(part, digest_size=16).digest())) % 2**128


class Crowd:
    """The running destinations. `settings` lead the outputs there, their files being in `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.settings: dict[str, dict[str, Any]] = {
            "file": {"path": str(folder / "events.jsonl")},
            "prometheus": {},
            "store": {"path": str(folder / "events.sqlite")},
        }
        self._arrived: dict[str, Arrived] = {}

    def arrived(self) -> dict[str, Arrived]:
        """What has come since the last call, for the outputs whose payloads can be compared."""
        found, self._arrived = self._arrived, {}
        file, store = self.folder / "events.jsonl", self.folder / "events.sqlite"
        for name, lines in (("file", file.read_bytes().splitlines()), ("store", _rows(store))):
            found.setdefault(name, Arrived()).add(lines)
        for path in (file, *self.folder.glob("events.sqlite*")):
            path.unlink()
        return {name: found.get(name, Arrived()) for name in sorted(self.settings) if compared(name)}

    def add(self, name: str, parts: Iterable[bytes]) -> None:
        self._arrived.setdefault(name, Arrived()).add(parts)

    async def serve(self, stack: AsyncExitStack) -> None:
        for key, names in _BY_HTTP.items():
            for name in names.split():
                await self._serve_http(name, key, stack)
        await self._serve_syslog(stack)
        await self._serve_datagrams(stack)

    async def _serve_http(self, name: str, key: str, stack: AsyncExitStack) -> None:
        server = await stack.enter_async_context(loopback())
        says_yes = _accept(name)

        def script(request: Request) -> Answer:
            server.requests.clear()  # they would fill the memory
            self.add(name, _parts(name, request))
            answer = says_yes(request)
            assert isinstance(answer, Answer)
            return answer

        server.script = script
        kind = output_types()[name].output
        assert kind
        leads_there = self._kubeconfig(server.url) if key == "kubeconfig" else server.url
        people = {} if takes_every_alert(name) else {"minimumpriority": "critical"}
        self.settings[name] = {**kind.example, **_BESIDES.get(name, {}), key: leads_there, **people}

    def _kubeconfig(self, url: str) -> str:
        path = self.folder / f"kubeconfig-{url.rpartition(':')[2]}.yaml"
        given = Path(__file__).parent / "data" / "kubeconfig.yaml"
        path.write_text(given.read_text().replace("http://127.0.0.1:6443", url))
        return str(path)

    async def _serve_syslog(self, stack: AsyncExitStack) -> None:
        async def read(reader: StreamReader, writer: StreamWriter) -> None:
            while line := await reader.readline():
                self.add("syslog", [line.partition(b" {")[2]])  # before it stands the process's number
            writer.close()

        server = await start_server(read, "127.0.0.1", 0, limit=1 << 20)
        await stack.enter_async_context(server)
        port = server.sockets[0].getsockname()[1]
        self.settings["syslog"] = {"host": "127.0.0.1", "port": port, "protocol": "tcp"}

    async def _serve_datagrams(self, stack: AsyncExitStack) -> None:
        loop = get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(DatagramProtocol, local_addr=("127.0.0.1", 0))
        stack.callback(transport.close)
        address = "{}:{}".format(*transport.get_extra_info("sockname"))
        self.settings |= {"statsd": {"forwarder": address}, "dogstatsd": {"forwarder": address}}


@asynccontextmanager
async def crowd(folder: Path) -> AsyncGenerator[Crowd]:
    async with AsyncExitStack() as stack:
        running = Crowd(folder)
        await running.serve(stack)
        yield running


def _accept(name: str) -> Script:
    module = f"tests.receivers.{name.replace('.', '_')}"
    known = importlib.import_module(module) if importlib.util.find_spec(module) else None
    return getattr(known, "accept", takes_all)


def _rows(file: Path) -> Iterator[bytes]:
    connection = sqlite3.connect(file)
    try:
        query = "SELECT uuid, time, priority, names.name FROM events JOIN names ON names.id = rule"
        yield from (repr(row).encode() for row in connection.execute(query))
    finally:
        connection.close()


def _parts(name: str, request: Request) -> Iterator[bytes]:
    """Each alert of a request; nothing of what is asked at the start."""
    body = gzip.decompress(request.body) if request.body[:2] == b"\x1f\x8b" else request.body
    if _MARK.encode() not in body and name != "kafkarest":
        return
    if not takes_every_alert(name):
        yield body
    elif name.startswith("otlp."):
        yield from _records(name, body)
    else:
        yield from _several(body)


def _several(body: bytes) -> Iterator[bytes]:
    try:
        found: Any = json.loads(body)
    except ValueError:
        yield from body.splitlines()
        return
    if isinstance(found, dict) and "streams" in found:
        yield from (_text([one["stream"], line]) for one in found["streams"] for line in one["values"])
    elif isinstance(found, list) or "records" in found:
        yield from map(_text, found if isinstance(found, list) else found["records"])
    else:
        yield body.strip()


def _records(name: str, body: bytes) -> Iterator[bytes]:
    if name == "otlp.logs":
        scope = ExportLogsServiceRequest.FromString(body).resource_logs[0].scope_logs[0]
        yield from (record.SerializeToString(deterministic=True) for record in scope.log_records)
    elif name == "otlp.traces":
        spans = ExportTraceServiceRequest.FromString(body).resource_spans[0].scope_spans[0].spans
        yield from (span.SerializeToString(deterministic=True) for span in spans)


def _text(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True).encode()


async def one_by_one(configuration: Configuration, payloads: Iterable[bytes], folder: Path) -> None:
    """The same alerts through each output while no other is on."""
    journal = Journal.open(JournalSettings(path=str(folder / "alone"), fsync="no"))
    await journal.start()
    try:
        lent = context(configuration)
        workers = [
            Worker(
                name,
                build_output(chosen, lent),
                journal.cursor(name),
                Route(chosen.settings),
                DeadLetters(folder, name),
            )
            for name, chosen in configuration.outputs.items()
            if compared(name)
        ]
        await _append(journal, list(payloads))
        for worker in workers:
            worker.stop()  # when all is delivered
            await worker.run()
            assert (worker.cursor.waiting, worker.counts.dead) == (0, 0), f"{worker.name}: {worker.last_error}"
    finally:
        await journal.close()


async def _append(journal: Journal, payloads: list[bytes]) -> None:
    for start in range(0, len(payloads), _APPENDED_AT_ONCE):
        written = get_running_loop().create_future()
        journal.append(payloads[start : start + _APPENDED_AT_ONCE], written.set_result)
        assert await written is None
