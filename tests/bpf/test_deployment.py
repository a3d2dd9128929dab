"""What is installed with the blocker: units that systemd reads, rules for Falco, an object made of its source."""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from outputs.xdp import XdpSettings

ROOT = Path(__file__).parents[2]
UNITS = [path for kind in ("service", "socket") for path in (ROOT / "deploy/systemd").glob(f"sidekick-xdp*.{kind}")]
RULES: list[dict[str, Any]] = yaml.safe_load((ROOT / "config/falco/sidekick_rules.yaml").read_text())


@pytest.mark.service
@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_systemd_takes_the_unit(tmp_path: Path, unit: Path) -> None:
    folder = shutil.copytree(unit.parent, tmp_path / "units")
    for service in folder.glob("*.service"):
        service.write_text(service.read_text().replace("/opt/sidekick/bin/", f"{Path(sys.executable).parent}/"))
    command = ["systemd-analyze", "verify", "--man=no", folder / unit.name]
    verdict = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert (verdict.returncode, verdict.stdout) == (0, "")


def test_the_daemon_s_unit_gives_no_capability() -> None:
    text = (ROOT / "deploy/systemd/sidekick-xdp.service").read_text()
    assert "\nCapabilityBoundingSet=\n" in text
    assert "\nAmbientCapabilities" not in text


def test_alerts_of_the_rules_carry_what_is_decided_by() -> None:
    extra = yaml.safe_load((ROOT / "config/falco/sidekick.yaml").read_text())["append_output"][0]["extra_fields"]
    needed = {"fd.cip", "fd.sip", "fd.l4proto", "fd.is_server", "fd.sport"}
    assert needed <= set(extra)
    rules = [rule for rule in RULES if "rule" in rule]
    assert all("block_source" in rule["tags"] for rule in rules)
    assert "block_source" in XdpSettings().filter
    own = [rule for rule in rules if "condition" in rule]
    assert own
    assert all(f"%{name}" in rule["output"] for rule in own for name in needed)
    assert all(set(rule["override"].values()) <= {"append", "replace"} for rule in rules if rule not in own)


@pytest.mark.service
def test_the_object_is_what_its_source_gives() -> None:
    subprocess.run(["make", "-C", ROOT / "bpf", "verify"], check=True, capture_output=True, timeout=60)
