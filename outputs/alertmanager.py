"""Alertmanager: alerts with their fields as labels, to every peer of a cluster."""

import asyncio
import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Annotated, Any

from pydantic import AfterValidator

from sidekick.sdk import (
    BatchLimits,
    CommaList,
    Context,
    DeliveryError,
    Event,
    HttpOutput,
    HttpSettings,
    MinimumPriority,
    NumberLiteral,
    PermanentError,
    Priority,
    Request,
    Text,
    TextMap,
)

_FOR_THE_OTHERS = 1.0  # seconds that the peers have when one has the alerts
_THRESHOLD = re.compile(r"(\d+)\s*:\s*(\w+)", re.ASCII)
_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")


def _labels(labels: dict[str, str]) -> dict[str, str]:
    stripped = {name.strip(): value.strip() for name, value in labels.items()}
    wrong = [name for name in stripped if not _NAME.fullmatch(name)]
    if wrong:
        raise ValueError(f"{wrong[0]!r} is no name of a label: use letters, digits and _")
    return stripped


def _by_priority(names: dict[str, str]) -> dict[str, str]:
    return {_priority(name.strip()).value: value.strip() for name, value in names.items()}


def _priority(name: str) -> Priority:
    try:
        return Priority.parse(name)
    except KeyError:
        raise ValueError(f"{name!r} is no priority") from None


def _thresholds(text: str) -> list[tuple[int, Priority]]:
    """Each number of drops with its priority, the greatest first; falcosidekick's default has `:` between them."""
    if _THRESHOLD.sub("", text).strip(" ,:"):
        raise ValueError(f"{text!r} is no list of thresholds: write 10000:critical,100:warning")
    pairs = [(int(number), _priority(name)) for number, name in _THRESHOLD.findall(text)]
    return sorted(pairs, key=lambda pair: pair[0], reverse=True)


def _checked_thresholds(text: str) -> str:
    _thresholds(text)
    return text


class AlertmanagerSettings(HttpSettings):
    """Keys of `alertmanager`."""

    hostport: CommaList = ()
    """Base URLs of all peers, such as http://alertmanager-0:9093,http://alertmanager-1:9093."""
    endpoint: Text = "/api/v2/alerts"
    """Path that takes the alerts."""
    expiresafter: int = 0
    """Seconds after which an alert counts as resolved; 0: what Alertmanager's `resolve_timeout` says."""
    extralabels: Annotated[TextMap, AfterValidator(_labels)] = {}
    """Labels to add; one of ours is replaced."""
    extraannotations: Annotated[TextMap, AfterValidator(_labels)] = {}
    """Annotations to add; one of ours is replaced."""
    customseveritymap: Annotated[TextMap, AfterValidator(_by_priority)] = {}
    """The label `severity` by priority, such as notice:page,critical:fatal, where it shall not be ours."""
    dropeventdefaultpriority: MinimumPriority = Priority.CRITICAL
    """Least priority of an alert on dropped events whose number is above no threshold."""
    dropeventthresholds: Annotated[Text, AfterValidator(_checked_thresholds)] = (
        "10000:critical,1000:critical,100:critical,10:warning,1:warning"
    )
    """Least priority of an alert on more dropped events than a number."""
    customheaders: TextMap = {}
    """Headers to add; a name of ours is replaced."""


class Alertmanager(HttpOutput[AlertmanagerSettings]):
    Settings = AlertmanagerSettings
    title = "AlertManager"
    category = "alerting"
    website = "https://prometheus.io/docs/alerting/latest/alertmanager"
    requires = ("hostport",)
    example = {"hostport": "http://alertmanager-0:9093,http://alertmanager-1:9093"}
    limits = BatchLimits(count=64, bytes=1 << 20)
    # Alertmanager knows an alert by its labels.
    idempotent = True

    def __init__(self, settings: AlertmanagerSettings, context: Context) -> None:
        super().__init__(settings, context)
        self._urls = [f"{host.strip().rstrip('/')}{settings.endpoint}" for host in settings.hostport]
        self._drops = _thresholds(settings.dropeventthresholds)
        self._life = timedelta(seconds=settings.expiresafter)

    @property
    def connections(self) -> int:
        # Some for each peer, or one that hangs would hold the others up.
        return self.concurrency * max(1, len(self._urls))

    async def send(self, events: Sequence[Event]) -> None:
        """Delivered when one peer has the alerts: waiting for a dead one would silence those that live.

        Else refused for good when one peer refuses them so: peers are alike, and one that is away would judge the same.
        """
        request = self.encode(events)
        posts = [asyncio.ensure_future(self._post(replace(request, url=url), events)) for url in self._urls]
        errors: list[DeliveryError] = []
        try:
            for post in asyncio.as_completed(posts):
                error = await post
                if error is None:
                    await asyncio.wait(posts, timeout=_FOR_THE_OTHERS)
                    return
                errors.append(error)
        finally:
            for post in posts:
                post.cancel()
            await asyncio.gather(*posts, return_exceptions=True)
        raise max(errors, key=lambda error: isinstance(error, PermanentError))

    async def _post(self, request: Request, events: Sequence[Event]) -> DeliveryError | None:
        try:
            self.read_answer(await self.request(request), events)
        except DeliveryError as error:
            return error
        return None

    def encode(self, events: Sequence[Event]) -> Request:
        return Request.json(self._urls[0], [self._alert(event) for event in events], self.settings.customheaders)

    def _alert(self, event: Event) -> dict[str, Any]:
        annotations = {"info": event.output, "description": event.output, "summary": event.rule}
        alert: dict[str, Any] = {
            "labels": self._labels(event),
            "annotations": annotations | self.settings.extraannotations,
        }
        if self._life:
            alert["endsAt"] = _later(event, self._life)
        return alert

    def _labels(self, event: Event) -> dict[str, str]:
        labels = {_label_name(name): text for name, value in sorted(event.fields.items()) if (text := _text(value))}
        priority = event.priority
        for name, value in event.fields.items():
            if name.startswith("n_drop") and (number := _text(value) or "").isdecimal():
                labels[_label_name(name)], least = self._drop(int(number))
                priority = max(priority, least, key=lambda one: one.level)
        labels |= {
            "source": "falco",
            "rule": event.rule,
            "alertname": event.rule,
            "eventsource": event.source,
            "hostname": event.hostname,
            "tags": ",".join(event.tags),
            "priority": priority.value,
            "severity": self.settings.customseveritymap.get(priority.value, _severity(priority)),
        }
        labels |= self.settings.extralabels
        return {name: value for name, value in labels.items() if name and value and not name.startswith("n_evts")}

    def _drop(self, number: int) -> tuple[str, Priority]:
        """The label of a number of dropped events, coarse so that it groups, and the least priority it asks for."""
        if number == 0:
            return "0", Priority.WARNING
        for threshold, priority in self._drops:
            if number > threshold:
                return f">{threshold}", priority
        return str(number), self.settings.dropeventdefaultpriority or Priority.CRITICAL


def _severity(priority: Priority) -> str:
    if priority.level >= Priority.CRITICAL.level:
        return "critical"
    return "warning" if priority.level >= Priority.WARNING.level else "information"


def _later(event: Event, whole_seconds: timedelta) -> str:
    try:
        return (event.datetime + whole_seconds).isoformat()[:19] + event.time[19:]
    except OverflowError:  # the last seconds of year 9999
        return event.time


def _text(value: Any) -> str | None:
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int | NumberLiteral) and not isinstance(value, bool) else None


def _label_name(field: str) -> str:
    name = re.sub("[^a-zA-Z0-9_]", "_", field).replace("__", "_").strip("_")
    return f"_{name}" if name[:1].isdigit() else name
