"""The counters of alerts, as a scrape reads them."""

import json
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from outputs.prometheus import Prometheus, PrometheusSettings
from sidekick.event import Event, decode
from sidekick.sdk import Context, MisconfiguredError
from sidekick.sdk.series import label_name
from tests.outputs.alerts import DATA, alert

NAME = "falcosecurity_falcosidekick_falco_events_total"
Sample = tuple[dict[str, str], float]


async def scraped(events: list[Event], custom: tuple[str, ...] = (), **settings: Any) -> dict[str, list[Sample]]:
    """All samples by name, after these events."""
    registry = CollectorRegistry()
    output = Prometheus(PrometheusSettings(**settings), Context(registry=registry, custom_fields=custom))
    await output.connect()
    await output.send(events)
    text = generate_latest(registry).decode()
    await output.close()
    found: dict[str, list[Sample]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found.setdefault(sample.name, []).append((sample.labels, sample.value))
    return found


async def test_names_labels_and_values_are_falcosidekicks() -> None:
    capture = (DATA / "captures" / "metrics_globals.txt").read_text()
    samples = (sample for family in text_string_to_metric_families(capture) for sample in family.samples)
    expected = [(sample.labels, sample.value) for sample in samples if sample.name == NAME]
    assert len(expected) == 5
    custom, extra = ("akey", "dkey", "upid"), ("missing.one", "proc.name", "user.uid")
    events = [_enriched(name) for name in ("a_syscall_terminal", "b_network_connect", "c_k8s_audit", "d_special")]
    events.append(_test_event())
    found = (await scraped(events, custom, extralabels=",".join(extra)))[NAME]
    assert sorted(found, key=str) == sorted(expected, key=str)


def _enriched(name: str) -> Event:
    """An alert as the pipeline leaves it, with the fields that the capture's configuration adds."""
    body = json.loads((DATA / "captures" / "inputs" / f"{name}.json").read_text())
    fields = body["output_fields"]
    process = fields.get("proc.pid", "<no value>")
    fields |= {"akey": "AValue", "dkey": fields.get("k8s.ns.name") or "none", "upid": f"pid-{process}"}
    return decode(json.dumps(body).encode())[0]


def _test_event() -> Event:
    fields = {"proc.name": "falcosidekick", "akey": "AValue", "dkey": "none", "upid": "pid-<no value>"}
    return alert(fields, rule=Event.TEST_RULE, priority="Debug", hostname="falcosidekick")


async def test_labels_are_in_the_order_of_their_names() -> None:
    ((labels, _),) = (await scraped([alert()], extralabels="proc.name"))[NAME]
    assert list(labels) == sorted(labels)


async def test_equal_alerts_are_one_series() -> None:
    ((_, count),) = (await scraped([alert() for _ in range(7)]))[NAME]
    assert count == 7


async def test_a_label_of_the_configuration_never_replaces_one_of_ours_and_never_fails() -> None:
    fields = {"proc.aname[2]": "systemd", "rule": "no rule", "user.uid": 7, "1st": "first", "proc-name": "x"}
    wanted = "proc.aname[2],rule,user.uid,user_uid,1st,proc-name,proc.name,%"
    ((labels, _),) = (await scraped([alert(fields)], extralabels=wanted))[NAME]
    assert labels["proc_aname_2_"] == "systemd"
    assert labels["rule"] == "Terminal shell in container"
    assert labels["user_uid"] == ""
    assert labels["_1st"] == "first"
    assert labels["proc_name"] == "x"


async def test_beyond_the_limit_alerts_are_counted_together() -> None:
    events = [alert(hostname=f"node-{number}") for number in range(20)]
    found = (await scraped([*events, *events], maxseries=5))[NAME]
    assert len(found) == 6
    assert sum(count for _, count in found) == 40
    assert [count for labels, count in found if labels["rule"] == "other"] == [30]


async def test_a_long_value_is_cut() -> None:
    ((labels, _),) = (await scraped([alert({"proc.name": "x" * 5000})], extralabels="proc.name"))[NAME]
    assert labels["proc_name"] == "x" * 256


async def test_falco_exporters_counter_only_where_it_is_asked_for() -> None:
    event = alert({"k8s.ns.name": "shop", "k8s.pod.name": None}, priority="Critical")
    assert "falco_events" not in await scraped([event])
    ((labels, count),) = (await scraped([event], falcoexporter=True))["falco_events"]
    assert count == 1
    assert labels == {
        "hostname": "node-01",
        "k8s_ns_name": "shop",
        "k8s_pod_name": "",
        "priority": "2",
        "rule": "Terminal shell in container",
        "source": "syscall",
        "tags": ",container,shell,",
    }


async def test_counts_outlive_a_new_connection_and_two_cannot_share_a_name() -> None:
    registry = CollectorRegistry()
    first, second = (Prometheus(PrometheusSettings(), Context(registry=registry)) for _ in range(2))
    await first.connect()
    await first.send([alert()])
    with pytest.raises(MisconfiguredError, match="already"):
        await second.connect()
    await second.close()
    await first.close()
    assert NAME.encode() not in generate_latest(registry)
    await first.connect()
    assert f"{NAME}{{".encode() in generate_latest(registry)
    await first.close()


@pytest.mark.parametrize(
    ("field", "label"),
    [("proc.name", "proc_name"), ("a[0]", "a_0_"), ("__x", "_x"), ("9", "_9"), ("é", "_"), ("", "_")],
)
def test_label_names(field: str, label: str) -> None:
    assert label_name(field) == label
