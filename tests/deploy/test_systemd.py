"""The units, read by systemd's own verifier."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from socket import create_connection
from urllib.request import urlopen

import pytest

from bench.accept import REQUEST
from tests.deadline import wait_for
from tests.faults.sidekick import Sidekick
from tests.services.server import free_ports

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


class Traced(Sidekick):
    """Every system call of it and its processes is counted."""

    def command(self) -> list[str]:
        # By -D the service is our child, and not strace's.
        return ["strace", "-D", "-f", "-c", "-U", "name", "-o", str(self.home / "calls"), *super().command()]


def test_no_system_call_that_it_makes_is_forbidden_by_the_unit(tmp_path: Path) -> None:
    port = free_ports(1)
    store = {"path": str(tmp_path / "events.sqlite")}
    sidekick = Traced(tmp_path, store=store, api={"enabled": True, "port": port}, webhook={"address": "http://x:9"})
    with sidekick:
        with create_connection(("127.0.0.1", sidekick.port)) as connection:
            connection.sendall(REQUEST)
            assert connection.recv(4096).startswith(b"HTTP/1.1 200 ")
        wait_for(lambda: sidekick.metric("sidekick_output_lag_records", output="store") == 0)
        with urlopen(f"http://127.0.0.1:{port}/api/events", timeout=20) as answer:
            assert b"Terminal shell in container" in answer.read()
    calls = tmp_path / "calls"
    wait_for(lambda: calls.exists() and "total" in calls.read_text())
    made = {line.strip() for line in calls.read_text().splitlines() if line.replace("_", "").strip().isalnum()}
    assert {"setpriority", "sched_setattr"} <= made
    # SQLite calls fchown as root alone, which the unit's user is not.
    assert made - allowed() == {"syscall", "total"} | ({"fchown"} if os.geteuid() == 0 else set())


def allowed() -> set[str]:
    """What the filters of the unit leave, read in their order as systemd.exec(5) says."""
    left: set[str] = set()
    for line in (UNITS / "sidekick.service").read_text().splitlines():
        if line.startswith("SystemCallFilter="):
            words = line.removeprefix("SystemCallFilter=")
            named = set[str]().union(*(_calls(word) for word in words.removeprefix("~").split()))
            left = left - named if words.startswith("~") else left | named
    return left


def _calls(name: str) -> set[str]:
    """The system calls of a set, and of the sets in it."""
    if not name.startswith("@"):
        return {name}
    command = ["systemd-analyze", "syscall-filter", name]
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()[1:]
    return set[str]().union(*(_calls(line.strip()) for line in shown if not line.strip().startswith("#")))
