"""Alerts as results of a policy report (wgpolicyk8s.io/v1alpha2): one result's form, and a report with more of them.

https://github.com/kubernetes-sigs/wg-policy-prototypes/tree/master/policy-report
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple, Self

from outputs._subject import subject_of
from sidekick.sdk import Event, PermanentError, Priority, encode_json
from sidekick.sdk.labels import as_text

_API = "wgpolicyk8s.io/v1alpha2"
ID = "falco.uuid"
"""The property that holds an alert's id, so that a resend is known."""
# A cluster stores no object above 1.5 MiB (etcd's limit of a request).
_SIZE = 1_000_000
_SEVERITIES = {
    Priority.DEBUG: "info",
    Priority.INFORMATIONAL: "info",
    Priority.NOTICE: "low",
    Priority.WARNING: "medium",
    Priority.ERROR: "high",
}
_RANKS = ("info", "low", "medium", "high", "critical")
_OUTCOMES = ("pass", "fail", "warn", "error", "skip")


class Place(NamedTuple):
    """Where a report is, and what it is called."""

    kind: str
    name: str
    folder: str

    @classmethod
    def of(cls, namespace: str) -> Self:
        """The namespace's report; without one the cluster's."""
        if not namespace:
            return cls("ClusterPolicyReport", "falco-cluster-policy-report", f"/apis/{_API}/clusterpolicyreports")
        return cls("PolicyReport", "falco-policy-report", f"/apis/{_API}/namespaces/{namespace}/policyreports")

    def report(self) -> dict[str, Any]:
        """A new one, labelled as falcosidekick's are, for what selects them by it."""
        metadata = {"name": self.name, "labels": {"app.kubernetes.io/managed-by": "falcosidekick"}}
        return {"kind": self.kind, "apiVersion": _API, "metadata": metadata}


def extended(report: dict[str, Any], events: Sequence[Event], most: int, *, by_severity: bool) -> dict[str, Any] | None:
    """The report with these alerts too, and without its oldest results (or least severe) above `most` or its size.

    None where all of them are in it already. Raises `PermanentError` where one is larger than a whole report.
    """
    results: list[dict[str, Any]] = report.get("results") or []
    known = {result.get("properties", {}).get(ID) for result in results}
    added = [_result(event) for event in events if event.uuid not in known]
    if not added:
        return None
    if any(len(encode_json(result)) > _SIZE for result in added):
        raise PermanentError("the alert is larger than a report may be")
    results = _pruned(results + added, most, by_severity=by_severity)
    counts = Counter(result.get("result") for result in results)
    return report | {"summary": {outcome: counts[outcome] for outcome in _OUTCOMES}, "results": results}


def _pruned(results: list[dict[str, Any]], most: int, *, by_severity: bool) -> list[dict[str, Any]]:
    order = sorted(range(len(results)), key=lambda at: (_rank(results[at]) if by_severity else 0, at))
    sizes = [len(encode_json(result)) for result in results]
    count, size, gone = len(results), sum(sizes), set[int]()
    for at in order[:-1]:
        if count <= most and size <= _SIZE:
            break
        gone.add(at)
        count, size = count - 1, size - sizes[at]
    return [result for at, result in enumerate(results) if at not in gone]


def _rank(result: dict[str, Any]) -> int:
    severity = result.get("severity")
    return _RANKS.index(severity) if severity in _RANKS else 0


def _result(event: Event) -> dict[str, Any]:
    subject = subject_of(event)
    return {
        "source": "Falco",
        "policy": event.source,
        "rule": event.rule,
        "category": "SI - System and Information Integrity",
        "severity": _SEVERITIES.get(event.priority, "critical"),
        "timestamp": dict(zip(("seconds", "nanos"), divmod(event.timestamp_ns, 10**9), strict=True)),
        "result": _outcome(event.priority),
        "message": event.output,
        "properties": {ID: event.uuid} | _properties(event),
    } | ({"resources": [subject.reference()]} if subject else {})


def _properties(event: Event) -> dict[str, str]:
    return {name: as_text(value) for name, value in event.fields.items() if value is not None}


def _outcome(priority: Priority) -> str:
    if priority is Priority.WARNING:
        return "warn"
    return "fail" if priority.level > Priority.WARNING.level else "skip"
