"""Events of Kubernetes: about whom they are, and how often one is written."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from outputs.kubernetes_events import KubernetesEvents, KubernetesEventsSettings
from sidekick.sdk import Context, Event, MisconfiguredError, PermanentError
from tests.outputs.alerts import alert
from tests.services.cluster import Cluster, cluster

POD = {"k8s.ns.name": "shop", "k8s.pod.name": "web-1", "container.name": "web"}
AUDIT = {"ka.target.resource": "configmaps", "ka.target.name": "app", "ka.target.namespace": "payments"}


@asynccontextmanager
async def connected(service: Cluster, folder: Path, page: str = "") -> AsyncGenerator[KubernetesEvents]:
    keys = KubernetesEventsSettings.model_validate({"enabled": True, "kubeconfig": service.kubeconfig(folder)})
    output = KubernetesEvents(keys, replace(Context(), page=page))
    try:
        await output.connect()
        yield output
    finally:
        await output.close()


async def written(folder: Path, event: Event, page: str = "") -> dict[str, Any]:
    async with cluster() as service, connected(service, folder, page) as output:
        await output.send([event])
        (document,) = service.objects.values()
        return document


async def test_an_alert_of_a_pod_is_an_event_of_its_container(tmp_path: Path) -> None:
    event = alert(POD, priority="Warning", rule="Terminal shell in container (k8s)")
    document = await written(tmp_path, event, "https://sidekick.example.com")
    assert document["metadata"]["namespace"] == "shop"
    assert document["metadata"]["annotations"] == {
        "falco.org/id": event.uuid,
        "falco.org/rule": event.rule,
        "falco.org/priority": "Warning",
        "falco.org/source": "syscall",
        "falco.org/page": f"https://sidekick.example.com/events/{event.uuid}",
    }
    assert document["involvedObject"] == {
        "apiVersion": "v1",
        "kind": "Pod",
        "namespace": "shop",
        "name": "web-1",
        "fieldPath": "spec.containers{web}",
    }
    assert (document["type"], document["reason"]) == ("Warning", "TerminalShellInContainerK8s")
    assert document["message"] == event.output
    assert document["firstTimestamp"] == document["lastTimestamp"] == event.time
    assert document["source"] == {"component": "falco", "host": "node-01"}


@pytest.mark.parametrize(
    ("fields", "about", "namespace"),
    [
        ({}, {"apiVersion": "v1", "kind": "Node", "name": "node-01", "uid": "node-01"}, "default"),
        (AUDIT, {"apiVersion": "v1", "kind": "ConfigMap", "namespace": "payments", "name": "app"}, "payments"),
        ({"k8s.ns.name": "../x", "k8s.pod.name": "web"}, {"apiVersion": "v1", "kind": "Pod", "name": "web"}, "default"),
        (
            {"ka.target.resource": "clusterroles", "ka.resp.name": "admin"},
            {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "name": "admin"},
            "default",
        ),
    ],
    ids=["host", "audit", "no namespace", "cluster-wide"],
)
async def test_an_event_is_about(tmp_path: Path, fields: dict[str, Any], about: dict[str, str], namespace: str) -> None:
    document = await written(tmp_path, alert(fields))
    assert document["involvedObject"] == about
    assert document["metadata"]["namespace"] == namespace
    assert document["type"] == "Normal"


async def test_a_long_alert_is_shortened_and_any_rule_is_a_reason(tmp_path: Path) -> None:
    document = await written(tmp_path, alert(output="x" * 5000, rule="漢"))
    assert len(document["message"]) == 1024
    assert document["message"].endswith("(5,000 characters)")
    assert document["reason"] == "Falco"
    assert len((await written(tmp_path, alert(rule="rule " * 100)))["reason"]) == 128


async def test_an_alert_sent_again_is_one_event(tmp_path: Path) -> None:
    async with cluster() as service, connected(service, tmp_path) as output:
        event = alert(POD)
        await output.send([event])
        await output.send([event])
        assert len(service.objects) == 1


@pytest.mark.parametrize("missing", ["absent", "ending"])
async def test_a_namespace_that_is_gone_sets_its_alerts_aside(tmp_path: Path, missing: str) -> None:
    async with cluster() as service, connected(service, tmp_path) as output:
        getattr(service, missing).add("shop")
        with pytest.raises(PermanentError, match="namespace is gone"):
            await output.send([alert(POD)])


async def test_outside_of_a_cluster_a_kubeconfig_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    with pytest.raises(MisconfiguredError, match="no kubeconfig is set"):
        await KubernetesEvents(KubernetesEventsSettings(enabled=True), Context()).connect()
