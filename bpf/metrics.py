"""The blocker's figures in Prometheus' text form, made of the answer to `stats`."""

from collections.abc import Iterator
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

PREFIX = "sidekick_xdp_"


def text(stats: dict[str, Any]) -> str:
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Stats(stats))
    return generate_latest(registry).decode()


class _Stats(Collector):
    def __init__(self, stats: dict[str, Any]) -> None:
        self._stats = stats

    def collect(self) -> Iterator[Metric]:
        yield from self._decisions()
        yield from self._packets()
        yield from self._fill()
        yield from self._feeds()

    def _decisions(self) -> Iterator[Metric]:
        yield _counter("blocked", "Targets blocked.", "origin", self._stats["blocked"])
        yield _counter("refused", "Targets that may not be blocked.", "reason", self._stats["refused"])
        expired = CounterMetricFamily(f"{PREFIX}expired", "Blocks that came to their end.")
        expired.add_metric([], self._stats["expired"])
        yield expired

    def _packets(self) -> Iterator[Metric]:
        labels = ["reason", "backend"]
        packets = CounterMetricFamily(f"{PREFIX}packets", "Packets by verdict.", labels=labels)
        octets = CounterMetricFamily(f"{PREFIX}bytes", "Bytes by verdict.", labels=labels)
        for reason, (count, size) in self._stats["totals"].items():
            packets.add_metric([reason, self._stats["backend"]], count)
            octets.add_metric([reason, self._stats["backend"]], size)
        yield packets
        yield octets

    def _fill(self) -> Iterator[Metric]:
        held = GaugeMetricFamily(f"{PREFIX}entries", "Entries held.", labels=["kind"])
        most = GaugeMetricFamily(f"{PREFIX}entries_limit", "Entries possible.", labels=["kind"])
        for kind, (used, capacity) in self._stats["fill"].items():
            held.add_metric([kind], used)
            most.add_metric([kind], capacity)
        yield held
        yield most

    def _feeds(self) -> Iterator[Metric]:
        read = GaugeMetricFamily(f"{PREFIX}feed_read_time_seconds", "When it was last read.", labels=["feed"])
        entries = GaugeMetricFamily(f"{PREFIX}feed_entries", "Targets in it.", labels=["feed"])
        bad = GaugeMetricFamily(f"{PREFIX}feed_bad_lines", "Lines that are no target.", labels=["feed"])
        for feed in self._stats["feeds"]:
            read.add_metric([feed["origin"]], feed["read_at"])
            entries.add_metric([feed["origin"]], feed["entries"])
            bad.add_metric([feed["origin"]], feed["bad"])
        yield from (read, entries, bad)


def _counter(name: str, documentation: str, label: str, values: dict[str, int]) -> Metric:
    family = CounterMetricFamily(PREFIX + name, documentation, labels=[label])
    for value, count in sorted(values.items()):
        family.add_metric([value], count)
    return family
