"""Labels that never end: counters stay few, the alerts are all counted, and memory does not grow with the pods."""

import json
import re
from pathlib import Path

import pytest

from tests.deadline import until
from tests.faults.falco import Falco
from tests.faults.sidekick import Sidekick

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]
PODS = 100_000
WARM = 25_000
AT_ONCE = 20
CAP = 10_000
SERIES = re.compile(r"^falcosecurity_falcosidekick_falco_events_total\{(.*)\} ([\d.]+)$", re.MULTILINE)


def bodies(pods: range) -> list[bytes]:
    """One alert for each pod, some in a body."""
    alerts = [
        json.dumps(
            {
                "rule": "Terminal shell in container", "priority": "Notice", "output": "a shell",
                "time": "2026-05-06T07:08:09Z", "output_fields": {"k8s.ns.name": "team", "k8s.pod.name": f"pod-{pod}"},
            }
        ).encode()
        for pod in pods
    ]  # fmt: skip
    return [b"\n".join(alerts[at : at + AT_ONCE]) for at in range(0, len(alerts), AT_ONCE)]


async def post(falco: Falco, sidekick: Sidekick, pods: range) -> None:
    for body in bodies(pods):
        assert await falco.exchange(body) == 200
    await until(lambda: sidekick.metric("sidekick_output_lag_records", output="prometheus") == 0)


async def test_a_hundred_thousand_pods_and_a_dotted_field(tmp_path: Path) -> None:
    with Sidekick(tmp_path, customfields={"team.name": "security"}) as sidekick:
        falco = Falco(sidekick.port)
        # Enough for the counters and the journal's memory to be as full as they get.
        await post(falco, sidekick, range(WARM))
        before = sidekick.metric("process_resident_memory_bytes")
        await post(falco, sidekick, range(WARM, PODS))
        grown = sidekick.metric("process_resident_memory_bytes") - before
        status, exposition = sidekick.get("/metrics")
        await falco.close()
    assert status == 200
    series = SERIES.findall(exposition.decode())
    assert len(series) == CAP + 1
    assert sum(float(count) for _, count in series) == PODS
    kept = [labels for labels, _ in series if 'rule="other"' not in labels]
    assert len(kept) == CAP
    assert all('team_name="security"' in labels for labels in kept)
    assert grown < 10e6, f"{grown / 1e6:.1f} MB more"
