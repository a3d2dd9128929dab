"""Policy reports of Kubernetes: alerts as results of their namespace's report, or else of the cluster's."""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from pydantic import Field

from outputs._policy_report import Place, extended
from outputs._subject import namespace_of
from sidekick.sdk import (
    Answer,
    BatchLimits,
    Context,
    Event,
    Flag,
    MisconfiguredError,
    Output,
    OutputSettings,
    Request,
    RetryableError,
    Text,
    encode_json,
    verdict,
)
from sidekick.sdk.http import HttpClient
from sidekick.sdk.kubernetes import ApiServer, api_server, lacks_namespace


class PolicyReportSettings(OutputSettings):
    """Keys of `policyreport`."""

    enabled: Flag = False
    """Write reports. Wants the right to get, create and update policyreports and clusterpolicyreports."""
    kubeconfig: Text = ""
    """File that says how to reach the cluster from outside; empty: the cluster that we run in."""
    maxevents: int = Field(default=1000, ge=1)
    """Most results of a report; the oldest go first. Above 1 MB some go too, for a cluster stores no more."""
    prunebypriority: Flag = False
    """The least severe results go first, the oldest of them before the others."""
    falconamespace: Text = ""
    """Namespace for alerts of one that does not exist any more; empty: our own."""


class PolicyReport(Output[PolicyReportSettings]):
    Settings = PolicyReportSettings
    title = "PolicyReport"
    category = "other"
    website = "https://github.com/kubernetes-sigs/wg-policy-prototypes"
    arrives = (
        "A result of the PolicyReport of the alert's namespace, or of the ClusterPolicyReport: rule, severity, "
        "output, fields."
    )
    requires = ("enabled",)
    example = {"enabled": True}
    limits = BatchLimits(count=100, bytes=500_000, linger=1.0)
    # A result holds its alert's id.
    idempotent = True

    def __init__(self, settings: PolicyReportSettings, context: Context) -> None:
        super().__init__(settings, context)
        self._server: ApiServer | None = None
        self._http: HttpClient | None = None

    async def connect(self) -> None:
        await self.close()
        self._server = server = api_server(self.settings.kubeconfig)
        self._http = HttpClient(lambda: server.tls, connections=1, timeout=self.settings.timeout)

    async def send(self, events: Sequence[Event]) -> None:
        if self._http is None:
            await self.connect()
        assert self._server
        for namespace, some in _by_namespace(events):
            # An error ends the whole batch: what is in the reports by then is known there when it comes again.
            if await self._add(namespace, some):
                continue
            instead = self.settings.falconamespace or self._server.namespace
            if not await self._add(instead, some):
                raise MisconfiguredError(f"there is no namespace {instead} for alerts of one that is gone")

    async def close(self) -> None:
        http, self._http = self._http, None
        if http is not None:
            await http.close()

    async def _add(self, namespace: str, events: Sequence[Event]) -> bool:
        """Whether the report has the alerts; False if its namespace is not there."""
        place, keys = Place.of(namespace), self.settings
        path = f"{place.folder}/{place.name}"
        found = await self._call("GET", path)
        report = place.report() if found.status == 404 else _read(found)
        report = extended(report, events, keys.maxevents, by_severity=keys.prunebypriority)
        if report is None:
            return True
        answer = await (
            self._call("POST", place.folder, report) if found.status == 404 else self._call("PUT", path, report)
        )
        if answer.status == 409:
            raise RetryableError("the report was changed by another")
        if lacks_namespace(answer):
            return False
        verdict(answer)
        return True

    async def _call(self, method: str, path: str, document: dict[str, Any] | None = None) -> Answer:
        assert self._server
        assert self._http
        headers = {"Content-Type": "application/json"} if document else {}
        body = encode_json(document) if document else b""
        return await self._http.send(Request(self._server.url + path, body, headers | self._server.login(), method))


def _by_namespace(events: Sequence[Event]) -> Iterable[tuple[str, list[Event]]]:
    found: dict[str, list[Event]] = {}
    for event in events:
        found.setdefault(namespace_of(event), []).append(event)
    return found.items()


def _read(answer: Answer) -> dict[str, Any]:
    verdict(answer)
    try:
        return msgspec.json.decode(answer.body, type=dict[str, Any])
    except msgspec.DecodeError as error:
        raise RetryableError(f"the answer is no report: {error}") from None
