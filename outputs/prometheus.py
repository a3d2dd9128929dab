"""Counters of alerts on `/metrics`, under falcosidekick's names, and under falco-exporter's where asked for."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, cast

from pydantic import Field

from sidekick.sdk import (
    BatchLimits,
    Context,
    Event,
    Flag,
    MisconfiguredError,
    Output,
    OutputSettings,
    Priority,
    WordList,
)
from sidekick.sdk.labels import text_of
from sidekick.sdk.series import Series, field_label, label_name

if TYPE_CHECKING:
    from prometheus_client import Metric
    from prometheus_client.registry import Collector


class PrometheusSettings(OutputSettings):
    """Keys of `prometheus`."""

    extralabels: WordList = ()
    """Fields of the alerts to have as labels too, such as `proc.name,user.name`; `_` stands for what no label may hold.
    A field that is no text is empty."""
    falcoexporter: Flag = False
    """Count in `falco_events` too, with the labels of falco-exporter."""
    maxseries: int = Field(default=10_000, ge=1)
    """Most sets of labels kept for a counter; alerts beyond them are counted where every label is `other`."""


class Metered(Series):
    """A series for a registry to collect."""

    def __init__(self, name: str, kind: str, labels: Mapping[str, Callable[[Event], str]], most: int) -> None:
        super().__init__(labels, most)
        self.name = name
        self._kind = kind

    def describe(self) -> "Iterator[Metric]":
        from prometheus_client import Metric  # noqa: PLC0415  (an output loads nothing but the SDK)

        yield Metric(self.name, "Alerts taken.", self._kind)

    def collect(self) -> "Iterator[Metric]":
        for metric in self.describe():
            sample = f"{self.name}_total" if self._kind == "counter" else self.name
            for values, count in self.counts.items():
                metric.add_sample(sample, cast("dict[str, str]", dict(zip(self.labels, values, strict=True))), count)
            yield metric


class Prometheus(Output[PrometheusSettings]):
    Settings = PrometheusSettings
    title = "Prometheus"
    category = "metrics"
    website = "https://prometheus.io"
    arrives = (
        "Counters by host, rule, priority, source, tags and pod: "
        "`falcosecurity_falcosidekick_falco_events_total` on `/metrics`."
    )
    # Nobody scrapes more often, and waking up for each alert would cost several times what counting it does.
    limits = BatchLimits(count=1000, linger=0.5)
    durable = False

    def __init__(self, settings: PrometheusSettings, context: Context) -> None:
        super().__init__(settings, context)
        labels = _PEER_LABELS.copy()
        for field in (*context.custom_fields, *settings.extralabels):
            labels.setdefault(label_name(field), field_label(field))
        name = "falcosecurity_falcosidekick_falco_events"
        self._series = [Metered(name, "counter", labels, settings.maxseries)]
        if settings.falcoexporter:
            # Without a type, for a counter's name would have to end in _total.
            self._series.append(Metered("falco_events", "unknown", _EXPORTER_LABELS, settings.maxseries))
        self._registered: list[Metered] = []

    async def connect(self) -> None:
        await self.close()
        for series in self._series:
            try:
                self.context.registry.register(cast("Collector", series))
            except ValueError:
                raise MisconfiguredError(f"something else counts in {series.name} already") from None
            self._registered.append(series)

    async def send(self, events: Sequence[Event]) -> None:
        for event in events:
            for series in self._series:
                series.count(event)

    async def close(self) -> None:
        while self._registered:
            self.context.registry.unregister(cast("Collector", self._registered.pop()))


def _namespace(event: Event) -> str:
    return text_of(event, "k8s.ns.name")


def _pod(event: Event) -> str:
    return text_of(event, "k8s.pod.name")


def _tags(event: Event) -> str:
    return f",{','.join(event.tags)},"


_LEVELS = [str(level) for level in range(9)]
_NAMES = ["", *(priority.value.lower() for priority in sorted(Priority, key=lambda priority: priority.level))]
_PEER_LABELS: dict[str, Callable[[Event], str]] = {
    "hostname": lambda event: event.hostname or "unknown",
    "rule": lambda event: event.rule,
    "priority": lambda event: _LEVELS[event.priority.level],
    "priority_raw": lambda event: _NAMES[event.priority.level],
    "source": lambda event: event.source,
    "k8s_ns_name": _namespace,
    "k8s_pod_name": _pod,
}
_EXPORTER_LABELS: dict[str, Callable[[Event], str]] = {
    "hostname": lambda event: event.hostname,
    "rule": lambda event: event.rule,
    # Falco's own number, 0 the most urgent.
    "priority": lambda event: str(8 - event.priority.level),
    "source": lambda event: event.source,
    "k8s_ns_name": _namespace,
    "k8s_pod_name": _pod,
    "tags": _tags,
}
