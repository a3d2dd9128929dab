"""Policy reports on an API server: falcosidekick's own, and what a conflict or a lost namespace comes to."""

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from outputs.policyreport import PolicyReport, PolicyReportSettings
from sidekick.sdk import Answer, Context, Event, MisconfiguredError, PermanentError, RetryableError
from sidekick.sdk.testing import always
from tests.outputs.alerts import DATA, alert, recorded
from tests.services.cluster import Cluster, cluster

SHOP = "namespaces/shop/policyreports/falco-policy-report"
OURS = "namespaces/falco/policyreports/falco-policy-report"
WIDE = "clusterpolicyreports/falco-cluster-policy-report"


@asynccontextmanager
async def connected(service: Cluster, folder: Path, **settings: Any) -> AsyncGenerator[PolicyReport]:
    keys = {"enabled": True, "kubeconfig": service.kubeconfig(folder), **settings}
    output = PolicyReport(PolicyReportSettings.model_validate(keys), Context())
    try:
        await output.connect()
        yield output
    finally:
        await output.close()


def recorded_session() -> list[dict[str, Any]]:
    return json.loads((DATA / "captures" / "sessions" / "policyreport.json").read_text())["captures"]


def the_alert(name: str) -> Event:
    if name == "inputs/g_k8saudit_source.json":  # the audit alert of another source
        return Event.from_json(recorded("inputs/c_k8s_audit.json").json.replace(b'"k8s_audit"', b'"k8saudit"'))
    return recorded(name)


def comparable(report: dict[str, Any]) -> dict[str, Any]:
    """Without what differs on purpose: the seconds, values that are no text, the namespace of a subject."""
    results = [
        {
            **result,
            "timestamp": result["timestamp"]["nanos"],
            "properties": {name for name, text in result["properties"].items() if text != "<nil>"} - {"falco.uuid"},
            "resources": [{**one, "namespace": ""} for one in result.get("resources", [])],
        }
        for result in report["results"]
    ]
    return {
        "kind": report["kind"],
        "labels": report["metadata"]["labels"],
        "summary": report["summary"],
        "results": results,
    }


async def test_reports_are_falcosidekicks(tmp_path: Path) -> None:
    async with cluster() as service:
        service.absent.add("payments")
        for capture in recorded_session():
            most = 2 if capture["variant"] == "maxevents_2" else 1000
            theirs = json.loads(capture["body"])
            async with connected(service, tmp_path, maxevents=most) as output:
                await output.send([the_alert(capture["input"])])
            call = service.calls[-1].split(" ")
            assert call == [capture["method"], capture["path"]]
            path = capture["path"] if call[0] == "PUT" else f"{capture['path']}/{theirs['metadata']['name']}"
            assert comparable(service.objects[path]) == comparable(theirs)


async def test_a_result_has_the_alerts_time_and_its_values_as_text(tmp_path: Path) -> None:
    event = alert(
        {"text": "a", "n": 443, "none": None, "list": ["x", {"y": 1.0}]}, time="2026-11-24T10:20:05.000000009Z"
    )
    async with cluster() as service, connected(service, tmp_path) as output:
        await output.send([event])
    (result,) = service.results(WIDE)
    assert result["timestamp"] == {"seconds": 1795515605, "nanos": 9}
    assert result["properties"] == {"falco.uuid": event.uuid, "text": "a", "n": "443", "list": '["x",{"y":1.0}]'}


async def test_a_batch_is_one_change_of_each_report_and_a_resend_is_none(tmp_path: Path) -> None:
    events = [alert({"k8s.ns.name": "shop" if number % 2 else None, "n": number}) for number in range(6)]
    async with cluster() as service, connected(service, tmp_path) as output:
        await output.send(events)
        assert len(service.calls) == 4
        await output.send(events)
        assert len(service.calls) == 6
        await output.send([*events, alert({"k8s.ns.name": "shop"})])
    assert (len(service.results(SHOP)), len(service.results(WIDE))) == (4, 3)


async def test_a_report_changed_by_another_is_read_again(tmp_path: Path) -> None:
    async with cluster() as service, connected(service, tmp_path) as output:
        await output.send([alert()])
        service.rivals = 1
        event = alert()
        with pytest.raises(RetryableError, match="changed by another"):
            await output.send([event])
        await output.send([event])
        assert len(service.results(WIDE)) == 2


async def test_foreign_results_and_annotations_stay(tmp_path: Path) -> None:
    async with cluster() as service, connected(service, tmp_path) as output:
        await output.send([alert()])
        ((path, report),) = service.objects.items()
        report["metadata"]["annotations"] = {"owner": "team"}
        report["results"][0]["source"] = "another"
        del report["results"][0]["properties"]["falco.uuid"]
        await output.send([alert()])
        assert service.objects[path]["metadata"]["annotations"] == {"owner": "team"}
        assert [result["source"] for result in service.results(WIDE)] == ["another", "Falco"]


@pytest.mark.parametrize("missing", ["absent", "ending"])
async def test_alerts_of_a_namespace_that_is_gone_are_kept_elsewhere(tmp_path: Path, missing: str) -> None:
    event = alert({"k8s.ns.name": "shop", "k8s.pod.name": "web"})
    async with cluster() as service, connected(service, tmp_path) as output:
        getattr(service, missing).add("shop")
        await output.send([event])
        (result,) = service.results(OURS)
        assert result["resources"] == [{"apiVersion": "v1", "kind": "Pod", "namespace": "shop", "name": "web"}]
        service.objects.clear()
        service.absent.add("falco")
        with pytest.raises(MisconfiguredError, match="no namespace falco"):
            await output.send([event])


@pytest.mark.parametrize("name", ["../../../../api/v1/secrets", "..", "A", "a/b", "-a", "x" * 64])
async def test_what_is_no_namespace_is_no_path(tmp_path: Path, name: str) -> None:
    async with cluster() as service, connected(service, tmp_path) as output:
        await output.send([alert({"k8s.ns.name": name})])
    assert [call.split("/")[-2] for call in service.calls[:1]] == ["clusterpolicyreports"]


async def test_the_oldest_go_first_or_the_least_severe(tmp_path: Path) -> None:
    levels = ["Critical", "Debug", "Warning", "Debug", "Error"]
    events = [alert(priority=level, rule=f"{number} {level}") for number, level in enumerate(levels)]
    for by_priority, left in (
        (False, ["2 Warning", "3 Debug", "4 Error"]),
        (True, ["0 Critical", "2 Warning", "4 Error"]),
    ):
        async with (
            cluster() as service,
            connected(service, tmp_path, maxevents=3, prunebypriority=by_priority) as output,
        ):
            for event in events:
                await output.send([event])
            assert [result["rule"] for result in service.results(WIDE)] == left


async def test_a_report_never_outgrows_what_a_cluster_stores(tmp_path: Path) -> None:
    async with cluster() as service, connected(service, tmp_path) as output:
        for number in range(30):
            await output.send([alert({"text": "é" * 30_000, "n": number})])
        results = service.results(WIDE)
    assert 10 < len(results) < 30
    assert results[-1]["properties"]["n"] == "29"


async def test_an_alert_larger_than_a_report_takes_no_other_ones_place(tmp_path: Path) -> None:
    async with cluster() as service, connected(service, tmp_path) as output:
        await output.send([alert()])
        with pytest.raises(PermanentError, match="larger"):
            await output.send([alert({"text": "x" * 1_000_000}), alert()])
        assert len(service.results(WIDE)) == 1


async def test_a_cluster_without_the_resource_keeps_the_alerts(tmp_path: Path) -> None:
    async with cluster() as service, connected(service, tmp_path) as output:
        assert service.server
        service.server.script = always(Answer(404, {"content-type": "text/plain"}, b"404 page not found"))
        with pytest.raises(MisconfiguredError, match="404 page not found"):
            await output.send([alert()])
