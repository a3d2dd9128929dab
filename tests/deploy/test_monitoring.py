"""The alerting rules and the dashboard: promtool takes them, each alert fires when it is to, and all that they name is
on `/metrics` of a running service."""

import asyncio
import json
import re
import subprocess
from collections.abc import Iterator
from http.client import HTTPConnection
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from tests.deadline import until
from tests.faults.sidekick import Sidekick

pytestmark = pytest.mark.service  # promtool
ROOT = Path(__file__).parents[2]
RULES_FILE = ROOT / "dashboards/prometheus-rules.yml"
RULES: list[dict[str, Any]] = [
    rule for group in yaml.safe_load(RULES_FILE.read_text())["groups"] for rule in group["rules"]
]
DASHBOARD: dict[str, Any] = json.loads((ROOT / "dashboards/grafana.json").read_text())
PANELS: list[dict[str, Any]] = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
QUERIES: list[tuple[str, str]] = [
    (re.sub(r"\$__(rate_interval|range)", "5m", target["expr"]), target.get("legendFormat", ""))
    for panel in PANELS
    for target in panel["targets"]
]
SCRAPED = {"job", "instance"}  # labels that Prometheus gives to all


def _promtool(*arguments: str | Path) -> None:
    done = subprocess.run(["promtool", *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert done.returncode == 0, done.stdout


def test_promtool_takes_the_rules() -> None:
    _promtool("check", "rules", RULES_FILE)


def test_promtool_takes_each_expression_of_the_dashboard(tmp_path: Path) -> None:
    rules = [{"record": f"query_{number}", "expr": expr} for number, (expr, _) in enumerate(QUERIES)]
    assert len(rules) >= len(PANELS) > 10
    (tmp_path / "rules.yml").write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}))
    _promtool("check", "rules", tmp_path / "rules.yml")


class Case(NamedTuple):
    """Series from minute 0 on, in promtool's notation; at `silent` nothing fires, at `fires` that alert alone."""

    alert: str
    silent: str
    fires: str
    series: dict[str, str]


UP = 'up{job="sidekick"}'
OUTPUT = '{output="slack"}'
CASES = [
    Case("SidekickDown", "12m", "13m", {UP: "1x10 0x20", 'up{job="other"}': "0x30"}),
    Case("SidekickDown", "1m", "2m", {'up{job="other"}': "1x30"}),
    Case("SidekickRefusesAlerts", "10m", "12m", {"sidekick_journal_full": "0x10 1x20"}),
    Case(
        "SidekickJournalFilling",
        "64m",  # most of the journal waits from minute 60 on, and it is full of what is delivered before
        "66m",
        {
            'sidekick_output_lag_records{output="slack"}': "10x59 90x40",
            'sidekick_output_lag_records{output="file"}': "0x99",
            "sidekick_journal_records": "100x99",
            "sidekick_journal_bytes": "950x99",
            "sidekick_journal_limit_bytes": "1000x99",
        },
    ),
    Case("SidekickDropsAlerts", "10m", "12m", {"sidekick_journal_dropped_records_total": "5x10 6x20"}),
    Case("SidekickOutputBehind", "75m", "77m", {f"sidekick_output_lag_seconds{OUTPUT}": "0+60x99"}),
    Case("SidekickOutputFailing", "25m", "27m", {f"sidekick_output_breaker_open{OUTPUT}": "0x10 1x30"}),
    Case(
        "SidekickOutputPaused",  # and neither failing nor behind, though it was when it was paused
        "1439m",
        "1441m",
        {
            f"sidekick_output_paused{OUTPUT}": "1x1500",
            f"sidekick_output_breaker_open{OUTPUT}": "1x1500",
            f"sidekick_output_lag_seconds{OUTPUT}": "0+60x1500",
        },
    ),
    Case(
        "SidekickDeadLetters",
        "10m",
        "12m",
        {
            'sidekick_output_events_total{output="slack", outcome="dead"}': "3x10 4x20",
            'sidekick_output_events_total{output="slack", outcome="delivered"}': "0+9x30",
        },
    ),
    *(
        Case(
            "SidekickDiskFailing",
            "10m",
            "12m",
            {f"sidekick_journal_{name}_total": "0x30" for name in ("sync_failures", "failures", "damaged_records")}
            | {f"sidekick_journal_{failing}_total": "0x10 1x20"},
        )
        for failing in ("sync_failures", "failures", "damaged_records")
    ),
    Case("SidekickSenderQuiet", "10m", "16m", {"sidekick_senders_quiet": "0x10 2x20"}),
    Case(
        "SidekickRefusedRequests",
        "70m",
        "72m",
        {
            'sidekick_refused_requests_total{reason="json"}': "1x70 2x20",
            'sidekick_refused_requests_total{reason="path"}': "0+1x90",
            'sidekick_refused_requests_total{reason="unavailable"}': "0+1x90",
        },
    ),
    Case("SidekickRefusedRequests", "9m", "11m", {'sidekick_refused_requests_total{reason="size"}': "_x10 1x20"}),
    Case(
        "SidekickConfigurationRefused",
        "14m",
        "16m",
        {"sidekick_configuration_stale": "0x10 1x20"},
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.alert)
def test_an_alert_fires_when_it_is_to_and_alone(case: Case, tmp_path: Path) -> None:
    series = case.series if case.alert == "SidekickDown" else {**case.series, UP: "1x1500"}
    firing = "count by (alertname) (ALERTS{alertstate='firing'})"
    test = {
        "interval": "1m",
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "promql_expr_test": [
            {"expr": firing, "eval_time": case.silent, "exp_samples": []},
            {
                "expr": firing,
                "eval_time": case.fires,
                "exp_samples": [{"labels": f'{{alertname="{case.alert}"}}', "value": 1}],
            },
        ],
    }
    file = {"rule_files": [str(RULES_FILE)], "evaluation_interval": "1m", "tests": [test]}
    (tmp_path / "test.yml").write_text(yaml.safe_dump(file))
    _promtool("test", "rules", tmp_path / "test.yml")


def test_each_alert_is_tried_and_told() -> None:
    names = {rule["alert"] for rule in RULES}
    assert names == {case.alert for case in CASES}
    assert names == set(re.findall(r"^\| `(\w+)` \|", (ROOT / "docs/monitoring.md").read_text(), re.MULTILINE))
    for rule in RULES:
        assert rule["labels"]["severity"] in ("critical", "warning")
        assert rule["annotations"].keys() == {"summary", "description"}


Shown = dict[str, list[dict[str, str]]]
"""Labels of each sample of `/metrics`, by its name."""


async def shown(sidekick: Sidekick) -> Shown:
    for body in (
        b'{"rule": "A rule", "priority": "Notice", "output": "", "time": "2026-05-06T07:08:09Z"}',
        b"no alert",
    ):
        connection = HTTPConnection("127.0.0.1", sidekick.port)
        connection.request("POST", "/", body)
        connection.getresponse().read()
        connection.close()
    await until(lambda: sidekick.metric("sidekick_output_lag_records", output="prometheus") == 0)
    samples: Shown = {"up": [{}]}  # Prometheus' own
    for family in text_string_to_metric_families(sidekick.get("/metrics")[1].decode()):
        for sample in family.samples:
            samples.setdefault(sample.name, []).append(sample.labels)
    return samples


async def test_all_that_they_name_is_on_metrics(tmp_path: Path) -> None:
    with await asyncio.to_thread(Sidekick(tmp_path).__enter__) as sidekick:
        there = await shown(sidekick)
    texts = [(rule["expr"], json.dumps(rule["annotations"])) for rule in RULES] + QUERIES
    assert list(chain.from_iterable(_missing(expr, text, there) for expr, text in texts)) == []


def test_a_name_that_is_not_there_is_found() -> None:
    there: Shown = {"a_total": [{"output": "x"}]}
    assert list(_missing('sum by (output, instance) (rate(a_total{output="x"}[5m])) > 0', "{{ output }}", there)) == []
    found = _missing('sum by (outputs) (a_total{output="y", rule=~".+"}) unless b', "{{ $labels.tags }}", there)
    assert list(found) == ["b", 'a_total: output="y"', "a_total: rule", "outputs", "tags"]


def _missing(expr: str, text: str, there: Shown) -> Iterator[str]:
    """What an expression, and the text with its labels, name and is not there."""
    bare = re.sub(r"\{[^}]*\}|\[[^]]*\]|\b(by|without|on|ignoring) \([^)]*\)", "", expr)
    names = set(re.findall(r"(?<![\w.])[a-z]\w*(?!\w| *\()", bare)) - {"and", "or", "unless", "offset", "bool"}
    yield from sorted(names - there.keys())
    for name, matchers in re.findall(r"(\w+)\{([^}]*)\}", expr):
        for label, operator, value in re.findall(r'(\w+)(=~|!~|!=|=)"([^"]*)"', matchers):
            values = {labels.get(label) for labels in there.get(name, ())}
            if label not in SCRAPED and operator == "=" and value not in values:
                yield f'{name}: {label}="{value}"'
            elif label not in SCRAPED and values == {None}:
                yield f"{name}: {label}"
    known = SCRAPED.union(*(labels for name in names for labels in there.get(name, ())))
    grouped = ", ".join(re.findall(r"\b(?:by|without|on|ignoring) \(([^)]*)\)", expr))
    told = re.findall(r"\{\{ *(?:\$labels\.)?([a-z]\w*) *\}\}", text)
    yield from (label for label in (*re.findall(r"\w+", grouped), *told) if label not in known)
