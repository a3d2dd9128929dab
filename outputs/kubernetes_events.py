"""Kubernetes events: each alert as an event of its pod, which `kubectl describe` and `kubectl events` show."""

from collections.abc import Sequence

from outputs._kubernetes_event import kubernetes_event
from sidekick.sdk import Answer, Event, Flag, HttpSettings, PermanentError, Request, Text, shown, verdict
from sidekick.sdk.kubernetes import ClusterOutput, api_server, lacks_namespace


class KubernetesEventsSettings(HttpSettings):
    """Keys of `kubernetes.events`."""

    enabled: Flag = False
    """Write events; a cluster keeps them for an hour. Wants the right to create events in every namespace."""
    kubeconfig: Text = ""
    """File that says how to reach the cluster from outside; empty: the cluster that we run in."""


class KubernetesEvents(ClusterOutput[KubernetesEventsSettings]):
    Settings = KubernetesEventsSettings
    title = "KubernetesEvents"
    category = "alerting"
    website = "https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/event-v1"
    requires = ("enabled",)
    example = {"enabled": True}
    # An event's name is the alert's id.
    idempotent = True

    async def connect(self) -> None:
        self._server = api_server(self.settings.kubeconfig)
        await super().connect()

    def encode(self, events: Sequence[Event]) -> Request:
        document = kubernetes_event(events[0], self.context.link(events[0]))
        base = self._server.url if self._server else "https://kubernetes.default.svc"
        url = f"{base}/api/v1/namespaces/{document['metadata']['namespace']}/events"
        return Request.json(url, document)

    def read_answer(self, answer: Answer, events: Sequence[Event]) -> None:
        if lacks_namespace(answer):
            raise PermanentError(f"the namespace is gone: {shown(answer.body)}")
        if answer.status != 409:  # written by a try whose answer was lost
            verdict(answer)
