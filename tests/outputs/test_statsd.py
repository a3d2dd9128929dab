"""Counters for StatsD and DogStatsD: falcosidekick's names, as many as there were, in datagrams that fit."""

import json
import socket
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector

from outputs._statsd import StatsdOutput, StatsdSettings
from outputs.dogstatsd import Dogstatsd
from outputs.statsd import Statsd
from sidekick.event import Event
from sidekick.sdk import Context
from tests.outputs.alerts import DATA, alert, recorded


class Process(Collector):
    """What a process would have counted."""

    def __init__(self) -> None:
        self.inputs = {"accepted": 0, "rejected": 0}
        self.outputs: dict[tuple[str, str], int] = {}

    def collect(self) -> Iterable[Metric]:
        inputs = CounterMetricFamily("falcosecurity_falcosidekick_inputs", "", labels=["source", "status"])
        for status, count in self.inputs.items():
            inputs.add_metric(["requests", status], count)
        outputs = CounterMetricFamily("falcosecurity_falcosidekick_outputs", "", labels=["destination", "status"])
        for labels, count in self.outputs.items():
            outputs.add_metric(labels, count)
        return (inputs, outputs)


@pytest.fixture
def receiver() -> Iterator[socket.socket]:
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as bound:
        bound.bind(("127.0.0.1", 0))
        bound.setblocking(False)
        yield bound


def address(receiver: socket.socket) -> str:
    return f"127.0.0.1:{receiver.getsockname()[1]}"


def datagrams(receiver: socket.socket) -> list[str]:
    found: list[str] = []
    while True:
        try:
            found.append(receiver.recv(65536).decode())
        except BlockingIOError:
            return found


async def told(
    kind: type[StatsdOutput], receiver: socket.socket, events: Sequence[Event], process: Process, **settings: Any
) -> list[str]:
    registry = CollectorRegistry()
    registry.register(process)
    chosen = StatsdSettings.model_validate({**settings, "forwarder": address(receiver)})
    output = kind(chosen, Context(registry=registry))
    try:
        await output.send(events)
    finally:
        await output.close()
    return sorted("".join(datagrams(receiver)).splitlines(keepends=True))


def _recorded(name: str) -> Iterator[Any]:
    recording = json.loads((DATA / f"captures/sessions/{name}.json").read_text())
    for variant, chosen in recording["configs"].items():
        ours = [one for one in recording["captures"] if one["variant"] == variant]
        for alert_file in dict.fromkeys(one["input"] for one in ours):
            lines = sorted(one["body"] for one in ours if one["input"] == alert_file)
            yield pytest.param(alert_file, chosen[name], lines, id=f"{variant}-{alert_file[7]}")


async def _sent(kind: type[StatsdOutput], receiver: socket.socket, name: str, settings: dict[str, Any]) -> list[str]:
    process = Process()
    process.inputs["accepted"] = 1
    event = Event.test() if "test_endpoint" in name else recorded(name)
    return await told(kind, receiver, [event], process, **settings)


@pytest.mark.parametrize(("name", "settings", "lines"), [*_recorded("dogstatsd")])
async def test_dogstatsd_is_told_what_falcosidekick_tells(
    name: str, settings: dict[str, Any], lines: list[str], receiver: socket.socket
) -> None:
    assert await _sent(Dogstatsd, receiver, name, settings) == lines


@pytest.mark.parametrize(("name", "settings", "lines"), [*_recorded("statsd")])
async def test_statsd_is_told_the_same_with_names_in_place_of_tags(
    name: str, settings: dict[str, Any], lines: list[str], receiver: socket.socket
) -> None:
    expected = [line.replace(":1|c|#priority:", ".").replace("\n", ":1|c\n") if "#" in line else line for line in lines]
    assert await _sent(Statsd, receiver, name, settings) == sorted(expected)


async def test_what_other_outputs_did_is_told_once(receiver: socket.socket) -> None:
    process, registry = Process(), CollectorRegistry()
    registry.register(process)
    output = Statsd(StatsdSettings(forwarder=address(receiver)), Context(registry=registry))
    process.outputs = {("slack", "ok"): 2, ("slack", "error"): 1}
    await output.send([alert(), alert(), alert(priority="Error")])
    first = "".join(datagrams(receiver)).splitlines()
    process.outputs["slack", "ok"] = 5
    await output.send([alert()])
    second = "".join(datagrams(receiver)).splitlines()
    await output.close()
    assert sorted(first) == [
        "falcosidekick.falco.accepted.Error:1|c",
        "falcosidekick.falco.accepted.Notice:2|c",
        "falcosidekick.outputs.slack.error:1|c",
        "falcosidekick.outputs.slack.ok:2|c",
    ]
    assert sorted(second) == ["falcosidekick.falco.accepted.Notice:1|c", "falcosidekick.outputs.slack.ok:3|c"]


async def test_many_counters_go_in_datagrams_that_fit(receiver: socket.socket) -> None:
    process, registry = Process(), CollectorRegistry()
    registry.register(process)
    process.outputs = {(f"output{number:03}", "ok"): number + 1 for number in range(100)}
    output = Dogstatsd(StatsdSettings(forwarder=address(receiver)), Context(registry=registry))
    await output.send([alert()])
    await output.close()
    found = datagrams(receiver)
    assert all(len(datagram) <= 1432 and datagram.endswith("\n") for datagram in found)
    assert len("".join(found).splitlines()) == 101


@pytest.mark.parametrize(("size", "number"), [(1432, 1), (1433, 2)])
async def test_a_datagram_is_as_full_as_it_may_be(size: int, number: int, receiver: socket.socket) -> None:
    process = Process()
    left = size - len("falcosidekick.falco.accepted.Notice:1|c\nfalcosidekick.outputs..ok:1|c\n")
    process.outputs["x" * left, "ok"] = 1
    registry = CollectorRegistry()
    registry.register(process)
    output = Statsd(StatsdSettings(forwarder=address(receiver)), Context(registry=registry))
    await output.send([alert()])
    await output.close()
    found = datagrams(receiver)
    assert (len("".join(found)), len(found)) == (size, number)


async def test_a_unix_socket_takes_them_too(tmp_path: Path) -> None:
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as bound:
        bound.bind(str(tmp_path / "dsd.socket"))
        bound.setblocking(False)
        output = Dogstatsd(StatsdSettings(forwarder=f"unix://{tmp_path}/dsd.socket"), Context())
        await output.send([alert()])
        await output.close()
        assert datagrams(bound) == ["falcosidekick.falco.accepted:1|c|#priority:Notice\n"]
