"""What the process tells about itself: log lines and metrics.

Counters live as plain integers where the work is done; they become Prometheus families only when somebody scrapes.
falcosidekick's own names (`falcosecurity_falcosidekick_*`) keep their labels, so its dashboards and alerts go on.
"""

import logging
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import msgspec
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric, SummaryMetricFamily
from prometheus_client.registry import Collector

from sidekick.delivery import OUTCOMES, Worker
from sidekick.journal import Journal
from sidekick.unseen import told


class TextFormatter(logging.Formatter):
    """Time, level and message. What a destination or an alert has in a message writes no line of its own."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  (logging's name)
        return told(super().formatMessage(record)).replace("\n", "\n    ")


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time (RFC 3339, UTC), level, logger, message, and the traceback of a defect."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)) + f".{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return msgspec.json.encode(line).decode()


def set_up_logging(form: Literal["text", "json"], level: str) -> None:
    """Sends all log lines to stderr in that form."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if form == "json" else TextFormatter())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)


@dataclass(frozen=True)
class Inputs:
    """Counts at one moment: alerts accepted, requests refused by reason, reloads of the configuration and whether what
    is written is not what runs, and hosts that send, with those of them that are quiet."""

    accepted: int
    refused: Mapping[str, int]
    reloads: Mapping[str, int]
    stale: bool
    senders: tuple[int, int]


class ServiceCollector(Collector):
    """Metrics of the receiver, the journal and every output, gathered at scrape time."""

    def __init__(self, inputs: Callable[[], Inputs], journal: Journal, workers: Mapping[str, Worker]) -> None:
        self._inputs = inputs
        self._journal = journal
        self._workers = workers

    def collect(self) -> Iterable[Metric]:
        yield from self._receiver()
        yield from self._peer_outputs()
        yield from self._outputs()
        yield from self._journal_state()

    def _receiver(self) -> Iterator[Metric]:
        inputs = self._inputs()
        peer = CounterMetricFamily("falcosecurity_falcosidekick_inputs", "", labels=["source", "status"])
        peer.add_metric(["requests", "accepted"], inputs.accepted)
        peer.add_metric(["requests", "rejected"], sum(inputs.refused.values()))
        yield peer
        refused = CounterMetricFamily("sidekick_refused_requests", "Requests that held no alert", labels=["reason"])
        for reason, count in inputs.refused.items():
            refused.add_metric([reason], count)
        yield refused
        reloads = CounterMetricFamily("sidekick_configuration_reloads", "Changes taken, refused", labels=["outcome"])
        for outcome in ("taken", "refused"):
            reloads.add_metric([outcome], inputs.reloads.get(outcome, 0))
        yield reloads
        yield GaugeMetricFamily("sidekick_configuration_stale", "1 while not what is written runs", value=inputs.stale)
        known, quiet = inputs.senders
        yield GaugeMetricFamily("sidekick_senders", "Hosts that send alerts", value=known)
        yield GaugeMetricFamily("sidekick_senders_quiet", "Those without one for senders.quiet", value=quiet)

    def _peer_outputs(self) -> Iterator[Metric]:
        peer = CounterMetricFamily("falcosecurity_falcosidekick_outputs", "", labels=["destination", "status"])
        for name, worker in self._workers.items():
            peer.add_metric([name.replace(".", ""), "ok"], worker.counts.delivered)
            peer.add_metric([name.replace(".", ""), "error"], worker.counts.failed)
        yield peer

    def _outputs(self) -> Iterator[Metric]:
        events = CounterMetricFamily("sidekick_output_events", "What became of alerts", labels=["output", "outcome"])
        attempts = CounterMetricFamily("sidekick_output_attempts", "Tries to send", labels=["output", "outcome"])
        digests = CounterMetricFamily("sidekick_output_digests", "Messages for many alerts", labels=["output"])
        waiting = GaugeMetricFamily("sidekick_output_lag_records", "Alerts waiting", labels=["output"])
        oldest = GaugeMetricFamily("sidekick_output_lag_seconds", "Age of the oldest that waits", labels=["output"])
        breaker = GaugeMetricFamily("sidekick_output_breaker_open", "1 while given up for now", labels=["output"])
        connected = GaugeMetricFamily("sidekick_output_connected", "1 while connected", labels=["output"])
        paused = GaugeMetricFamily("sidekick_output_paused", "1 while a person has paused it", labels=["output"])
        inherited = GaugeMetricFamily("sidekick_output_inherited_records", "Backlog at start", labels=["output"])
        for name, worker in self._workers.items():
            counts = worker.counts
            for outcome in (*OUTCOMES, "damaged"):
                events.add_metric([name, outcome], getattr(counts, outcome))
            for outcome, count in counts.attempts.items():
                attempts.add_metric([name, outcome], count)
            digests.add_metric([name], counts.digests)
            waiting.add_metric([name], worker.cursor.waiting)
            oldest.add_metric([name], worker.lag_seconds)
            breaker.add_metric([name], worker.breaker.open)
            connected.add_metric([name], worker.connected)
            paused.add_metric([name], worker.paused)
            inherited.add_metric([name], counts.inherited)
        yield from (events, attempts, digests, waiting, oldest, breaker, connected, paused, inherited)

    def _journal_state(self) -> Iterator[Metric]:
        journal = self._journal
        yield GaugeMetricFamily("sidekick_journal_bytes", "Size of the journal on disk", value=journal.bytes)
        limit = journal.settings.retention.size
        yield GaugeMetricFamily("sidekick_journal_limit_bytes", "Its journal.retention.size", value=limit)
        yield GaugeMetricFamily("sidekick_journal_records", "Alerts in it, delivered or not", value=journal.records)
        yield GaugeMetricFamily("sidekick_journal_full", "1 while alerts are answered 503", value=journal.full)
        yield CounterMetricFamily("sidekick_journal_damaged_records", "Unreadable records", value=journal.damaged)
        yield CounterMetricFamily("sidekick_journal_dropped_records", "Dropped unread", value=journal.dropped_oldest)
        syncing = journal.syncing
        yield SummaryMetricFamily("sidekick_journal_sync_seconds", "fdatasync", syncing.syncs, syncing.seconds)
        yield CounterMetricFamily("sidekick_journal_sync_failures", "Failed fdatasync", value=syncing.failures)
        yield CounterMetricFamily("sidekick_journal_failures", "Seconds without retention", value=journal.failures)
