"""The units, read by systemd's own verifier."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.service
UNITS = Path(__file__).parents[2] / "deploy" / "systemd"
INSTALLED = "/opt/sidekick/bin/"


@pytest.fixture
def units(tmp_path: Path) -> Path:
    """The units with the programs of this environment, as the verifier wants every program to exist."""
    folder = shutil.copytree(UNITS, tmp_path / "units")
    for unit in folder.glob("*.service"):
        unit.write_text(unit.read_text().replace(INSTALLED, f"{Path(sys.executable).parent}/"))
    return folder


def _verify(*units: Path) -> subprocess.CompletedProcess[str]:
    command = ["systemd-analyze", "verify", "--man=no", *units]
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


@pytest.mark.parametrize("name", ["sidekick.service", "sidekick.socket"])
def test_systemd_takes_the_unit(units: Path, name: str) -> None:
    verdict = _verify(units / name)
    assert (verdict.returncode, verdict.stdout) == (0, "")


def test_the_verifier_sees_a_wrong_key(units: Path) -> None:
    service = units / "sidekick.service"
    service.write_text(service.read_text().replace("ProtectHome=", "ProtectHomes="))
    assert "ProtectHomes" in _verify(service).stdout


def test_the_service_is_shut_in(units: Path) -> None:
    """systemd's own measure of exposure, from 0 to 10 (its threshold is in tenths)."""
    command = ["systemd-analyze", "security", "--offline=true", "--threshold=20", units / "sidekick.service"]
    verdict = subprocess.run(command, capture_output=True, text=True)
    assert verdict.returncode == 0, verdict.stdout
