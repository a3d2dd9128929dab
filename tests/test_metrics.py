"""What `/metrics` shows: falcosidekick's names and labels, sums that add up, and a text that promtool accepts."""

import asyncio
import subprocess
from collections.abc import AsyncIterator
from http.client import HTTPConnection
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.deadline import until
from tests.faults.endpoint import Endpoint
from tests.faults.sidekick import Sidekick

CAPTURES = Path(__file__).parent / "data" / "captures"
POSTED = ("a_syscall_terminal", "b_network_connect", "c_k8s_audit", "d_special")
pytestmark = pytest.mark.service  # promtool

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


@pytest.fixture
async def sidekick(tmp_path: Path) -> AsyncIterator[Sidekick]:
    """As the recorded falcosidekick was set up: one destination that takes everything, one that is not there."""
    async with Endpoint().listening() as endpoint:
        settings = {
            "customfields": {"akey": "AValue"},
            "templatedfields": {
                "dkey": '{{ or (index . "k8s.ns.name") "none" }}',
                "upid": 'pid-{{ index . "proc.pid" }}',
            },
            "customtags": ["tagB", "tagA"],
            "prometheus": {"extralabels": "proc.name,user.uid,missing.one"},
            "webhook": {"address": endpoint.url},
            "webhook.away": {"address": "http://127.0.0.1:9/"},
        }
        with Sidekick(tmp_path, **settings) as sidekick:
            for name in POSTED:
                post(sidekick, "/", (CAPTURES / "inputs" / f"{name}.json").read_bytes())
            post(sidekick, "/test", b"")
            await until(lambda: sidekick.metric("sidekick_output_lag_records", output="webhook") == 0)
            await until(lambda: sidekick.metric("sidekick_output_lag_records", output="prometheus") == 0)
            yield sidekick


def post(sidekick: Sidekick, path: str, body: bytes) -> None:
    connection = HTTPConnection("127.0.0.1", sidekick.port)
    connection.request("POST", path, body)
    assert connection.getresponse().status == 200
    connection.close()


def samples(exposition: str) -> Samples:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(exposition)
        for sample in family.samples
        if sample.name.startswith("falcosecurity_")
    }


async def test_names_labels_and_counts_are_falcosidekicks(sidekick: Sidekick) -> None:
    recorded = samples((CAPTURES / "metrics_globals.txt").read_text())
    shown = samples(sidekick.get("/metrics")[1].decode())
    by_destination = {key for key in recorded if key[0].endswith("_outputs_total")}
    assert {key: value for key, value in recorded.items() if key not in by_destination}.items() <= shown.items()
    delivered = frozenset({("destination", "webhook"), ("status", "ok")})
    assert shown["falcosecurity_falcosidekick_outputs_total", delivered] == len(POSTED) + 1


async def test_what_was_accepted_is_delivered_waiting_or_accounted_for(sidekick: Sidekick) -> None:
    accepted = sidekick.metric("falcosecurity_falcosidekick_inputs_total", status="accepted")
    for output in ("webhook", "webhook.away", "prometheus"):
        outcomes = ("delivered", "filtered", "dead", "damaged")
        passed = sum(
            sidekick.metric("sidekick_output_events_total", output=output, outcome=outcome) for outcome in outcomes
        )
        assert passed + sidekick.metric("sidekick_output_lag_records", output=output) == accepted
    assert sidekick.metric("sidekick_output_lag_records", output="webhook.away") == accepted
    assert sidekick.metric("sidekick_output_lag_seconds", output="webhook.away") > 0


async def test_how_full_the_journal_is_can_be_told(sidekick: Sidekick) -> None:
    assert sidekick.metric("sidekick_journal_records") == len(POSTED) + 1
    assert 0 < sidekick.metric("sidekick_journal_bytes") < sidekick.metric("sidekick_journal_limit_bytes") == 10e9


async def test_promtool_finds_nothing_wrong_with_our_own_metrics(sidekick: Sidekick) -> None:
    families = sidekick.get("/metrics")[1].decode()
    # falcosidekick's own have no help text, and keep it so.
    ours = "\n".join(line for line in families.splitlines() if "falcosecurity_" not in line) + "\n"
    checked = await asyncio.to_thread(promtool, ours)
    assert (checked.returncode, checked.stdout + checked.stderr) == (0, "")


def promtool(exposition: str) -> subprocess.CompletedProcess[str]:
    command = ["promtool", "check", "metrics"]
    return subprocess.run(command, input=exposition, text=True, capture_output=True, check=False)
