"""OpenTelemetry metrics: cumulative counters of alerts, requests and deliveries, by OTLP over HTTP."""

import asyncio
import ssl
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from pydantic import Field

import outputs._otlp as otlp
from sidekick.sdk import (
    BatchLimits,
    Context,
    Duration,
    Event,
    MisconfiguredError,
    Output,
    Request,
    WordList,
)
from sidekick.sdk.http import HttpClient
from sidekick.sdk.periodic import Periodic
from sidekick.sdk.series import Series, Value, field_label, label_name

_SCOPE = "falcosecurity.falco.otlpmetrics.meter"
_OWN = "falcosecurity_falco_rules_matches_total"
_PROCESS = ("falcosecurity_falcosidekick_inputs", "falcosecurity_falcosidekick_outputs")
_CUMULATIVE = 2  # AGGREGATION_TEMPORALITY_CUMULATIVE
# What the process counts, it counts from its start on, which is when this was loaded.
_STARTED = time.time_ns()


class OtlpMetricsSettings(otlp.OtlpSettings):
    """Keys of `otlp.metrics`."""

    extraattributes: WordList = ()
    """Fields of the alerts to have as attributes too, such as `proc.name,user.name`. A field that is no text is empty.
    """
    interval: Duration = Field(default=60.0, gt=0)
    """How often the counters are told while no alert comes, for what is not told goes stale."""
    maxseries: int = Field(default=10_000, ge=1)
    """Most sets of attributes kept; alerts beyond them are counted where every attribute is `other`."""


class OtlpMetrics(Output[OtlpMetricsSettings]):
    Settings = OtlpMetricsSettings
    title = "OTLPMetrics"
    category = "metrics"
    arrives = (
        "Counters: `falcosecurity_falco_rules_matches_total` by rule, priority, source, host and tags, and the "
        "requests and deliveries of the process."
    )
    website = otlp.WEBSITE
    requires = ("endpoint",)
    example = {"endpoint": "http://otel-collector:4318/v1/metrics"}
    limits = BatchLimits(count=10_000, linger=5.0)
    durable = False
    extra = "otlp"

    def __init__(self, settings: OtlpMetricsSettings, context: Context) -> None:
        super().__init__(settings, context)
        labels: dict[str, Callable[[Event], Value]] = dict(_ATTRIBUTES)
        for field in (*context.custom_fields, *settings.extraattributes):
            labels.setdefault(label_name(field), field_label(field))
        self._series = Series(labels, settings.maxseries)
        self._begun = time.time_ns()
        self._turn = asyncio.Lock()
        self._http: HttpClient | None = None
        self._reminder = Periodic(settings.interval, self._remind)

    async def connect(self) -> None:
        await self.close()
        otlp.require()
        self._http = HttpClient(self._tls, connections=1, timeout=self.settings.timeout)
        self._reminder.start()

    def _tls(self) -> ssl.SSLContext:
        return self.context.tls.context(verify=self.settings.checkcert, mutual=self.settings.mutualtls)

    async def _remind(self) -> None:
        async with self._turn:
            await self._tell(self._series)

    async def send(self, events: Sequence[Event]) -> None:
        if self._http is None:
            await self.connect()
        async with self._turn:
            series = self._series.copy()
            for event in events:
                series.count(event)
            await self._tell(series)
            # Only now, or what is sent again would be counted again.
            self._series = series

    async def close(self) -> None:
        await self._reminder.stop()
        if self._http is not None:
            await self._http.close()
            self._http = None

    async def _tell(self, series: Series) -> None:
        """A counter that is refused is told again with the next; only where all are, somebody has to look."""
        assert self._http is not None
        count, reason = otlp.refused(await self._http.send(self._request(series)))
        if count > 0 and count >= len(series.counts):
            raise MisconfiguredError(f"{count} counters refused: {reason}")

    def _request(self, series: Series) -> Request:
        from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (  # noqa: PLC0415
            ExportMetricsServiceRequest,
        )

        counted = ((dict(zip(series.labels, values, strict=True)), count) for values, count in series.counts.items())
        metrics = [_metric(_OWN, self._begun, counted), *self._of_process()]
        scope = {"scope": {"name": _SCOPE}, "metrics": [metric for metric in metrics if metric["sum"]["data_points"]]}
        resource = {"resource": otlp.resource("0.1.0"), "scope_metrics": [scope], "schema_url": otlp.SCHEMA}
        return otlp.request(self.settings, ExportMetricsServiceRequest, resource_metrics=[resource])

    def _of_process(self) -> Iterator[dict[str, Any]]:
        for family in self.context.registry.collect():
            if family.name in _PROCESS:
                counts = ((one.labels, int(one.value)) for one in family.samples if one.name.endswith("_total"))
                yield _metric(family.name, _STARTED, counts)


def _metric(name: str, begun: int, counts: Iterable[tuple[Mapping[str, Value], int]]) -> dict[str, Any]:
    now = time.time_ns()
    points = [
        {
            "start_time_unix_nano": begun,
            "time_unix_nano": now,
            "as_int": count,
            "attributes": otlp.attributes(labels),
        }
        for labels, count in counts
    ]
    return {
        "name": name,
        "sum": {"data_points": points, "aggregation_temporality": _CUMULATIVE, "is_monotonic": True},
    }


_ATTRIBUTES: dict[str, Callable[[Event], Value]] = {
    "source": lambda event: event.source,
    "priority": lambda event: event.priority.value,
    "rule": lambda event: event.rule,
    "hostname": lambda event: event.hostname or "unknown",
    "tags": lambda event: event.tags,
}
