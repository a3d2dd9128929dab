"""Kubernetes events: each alert as an event of its pod, which `kubectl describe` and `kubectl events` show."""

import ssl
from collections.abc import Sequence
from dataclasses import replace

from outputs._kubernetes_event import kubernetes_event
from sidekick.sdk import (
    Answer,
    Context,
    Event,
    Flag,
    HttpOutput,
    HttpSettings,
    PermanentError,
    Request,
    Text,
    encode_json,
    shown,
    verdict,
)
from sidekick.sdk.kubernetes import ApiServer, api_server, lacks_namespace


class KubernetesEventsSettings(HttpSettings):
    """Keys of `kubernetes.events`."""

    enabled: Flag = False
    """Write events; a cluster keeps them for an hour. Wants the right to create events in every namespace."""
    kubeconfig: Text = ""
    """File that says how to reach the cluster from outside; empty: the cluster that we run in."""


class KubernetesEvents(HttpOutput[KubernetesEventsSettings]):
    Settings = KubernetesEventsSettings
    title = "KubernetesEvents"
    category = "alerting"
    website = "https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/event-v1"
    requires = ("enabled",)
    example = {"enabled": True}
    # An event's name is the alert's id.
    idempotent = True

    def __init__(self, settings: KubernetesEventsSettings, context: Context) -> None:
        super().__init__(settings, context)
        self._server: ApiServer | None = None

    async def connect(self) -> None:
        self._server = api_server(self.settings.kubeconfig)
        await super().connect()

    def tls(self) -> ssl.SSLContext:
        return self._server.tls if self._server else super().tls()

    async def request(self, request: Request) -> Answer:
        login = self._server.login() if self._server else {}
        return await super().request(replace(request, headers={**request.headers, **login}))

    def encode(self, events: Sequence[Event]) -> Request:
        document = kubernetes_event(events[0], self.context.link(events[0]))
        base = self._server.url if self._server else "https://kubernetes.default.svc"
        url = f"{base}/api/v1/namespaces/{document['metadata']['namespace']}/events"
        return Request(url, encode_json(document), {"Content-Type": "application/json"})

    def read_answer(self, answer: Answer, events: Sequence[Event]) -> None:
        if lacks_namespace(answer):
            raise PermanentError(f"the namespace is gone: {shown(answer.body)}")
        if answer.status != 409:  # written by a try whose answer was lost
            verdict(answer)
