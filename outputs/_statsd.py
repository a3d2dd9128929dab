"""falcosidekick's counters, for StatsD and its relations."""

from abc import abstractmethod
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Annotated

from pydantic import AfterValidator

from sidekick.sdk import BatchLimits, CommaList, Context, Event, Output, OutputSettings, Text
from sidekick.sdk.address import host_and_port
from sidekick.sdk.datagram import Datagrams

_UNIX = "unix://"
# What an Ethernet frame holds without being split, after the headers of IPv6 and UDP.
_LIMIT = 1432
_PEER = "falcosecurity_falcosidekick_"

Tags = tuple[tuple[str, str], ...]
Counts = Counter[tuple[str, Tags]]


def _checked(text: str) -> str:
    if text and not text.startswith(_UNIX):
        host_and_port(text)
    return text


class StatsdSettings(OutputSettings):
    """Keys that they have in common."""

    forwarder: Annotated[Text, AfterValidator(_checked)] = ""
    """Where the counters go: host:port, or unix:///path of a socket."""
    namespace: Text = "falcosidekick."
    """What each name begins with."""
    tags: CommaList = ()
    """Tags of every counter, such as env:prod."""


class StatsdOutput(Output[StatsdSettings]):
    """Alerts by priority as they pass, and what the process counts of requests and of other outputs at that moment."""

    Settings = StatsdSettings
    category = "metrics"
    arrives = "Counters: `falco.accepted` by priority, `inputs.requests` by status, `outputs` by output and status."
    requires = ("forwarder",)
    example = {"forwarder": "127.0.0.1:8125"}
    # A counter is read a few times a minute.
    limits = BatchLimits(count=10_000, linger=1.0)
    durable = False

    def __init__(self, settings: StatsdSettings, context: Context) -> None:
        super().__init__(settings, context)
        self._way: Datagrams | None = None
        self._told: Counts = Counter()

    @abstractmethod
    def line(self, name: str, tags: Tags, count: int) -> str:
        """One counter on the wire, without the namespace."""

    async def connect(self) -> None:
        await self.close()
        forwarder = self.settings.forwarder
        if forwarder.startswith(_UNIX):
            self._way = Datagrams.to_path(forwarder.removeprefix(_UNIX))
        else:
            self._way = await Datagrams.to_host(*host_and_port(forwarder))

    async def send(self, events: Sequence[Event]) -> None:
        if self._way is None:
            await self.connect()
        assert self._way is not None
        now = self._counted()
        counts: Counts = Counter(("falco.accepted", (("priority", event.priority.value),)) for event in events)
        counts.update(now - self._told)
        for datagram in self._datagrams(counts):
            self._way.send(datagram)
        self._told = now

    async def close(self) -> None:
        way, self._way = self._way, None
        if way is not None:
            way.close()

    def _counted(self) -> Counts:
        """What the process has counted since it began, by falcosidekick's names."""
        counts: Counts = Counter()
        for family in self.context.registry.collect():
            for sample in family.samples:
                labels, value = sample.labels, int(sample.value)
                if sample.name == f"{_PEER}inputs_total":
                    counts[f"inputs.requests.{labels['status']}", ()] = value
                    counts["total", ()] += value
                elif sample.name == f"{_PEER}outputs_total":
                    counts["outputs", (("output", labels["destination"]), ("status", labels["status"]))] = value
        return counts

    def _datagrams(self, counts: Counts) -> Iterator[bytes]:
        """As many counters in each as fit."""
        datagram = b""
        for (name, tags), count in counts.items():
            line = f"{self.settings.namespace}{self.line(name, tags, count)}\n".encode()
            if datagram and len(datagram) + len(line) > _LIMIT:
                yield datagram
                datagram = b""
            datagram += line
        if datagram:
            yield datagram
