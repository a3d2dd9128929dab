"""The image and the compose file, as far as they can be judged without an engine."""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

pytestmark = pytest.mark.service
ROOT = Path(__file__).parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())


def _says(*command: str | Path) -> str:
    """Standard output and error of a command that must succeed."""
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert done.returncode == 0, done.stdout
    return done.stdout


def test_hadolint_has_nothing_to_say() -> None:
    assert _says(Path(sys.executable).with_name("hadolint"), "Dockerfile") == ""


def test_the_image_gets_what_it_copies() -> None:
    """Each source of a COPY exists and is not kept out by .dockerignore, which lets in only what it names."""
    let_in = {line[1:] for line in (ROOT / ".dockerignore").read_text().split() if line.startswith("!")}
    words = [line.split() for line in (ROOT / "Dockerfile").read_text().splitlines() if line.startswith("COPY ")]
    copied = {name for _, *names, _ in words for name in names if not names[0].startswith("--from")}
    assert copied == let_in
    assert [name for name in copied if not (ROOT / name).exists()] == []


def test_compose_reads_its_file() -> None:
    services = yaml.safe_load(_says("docker-compose", "--profile", "blocking", "config"))["services"]
    always = {"sidekick", "elasticsearch", "kibana", "kafka", "prometheus", "grafana"}
    assert set(services) == always | {"xdp-attach", "xdp"}
    assert {name for name, service in services.items() if service.get("profiles") != ["blocking"]} == always


def test_only_who_attaches_to_the_kernel_has_capabilities() -> None:
    services = COMPOSE["services"]
    assert services["xdp"]["cap_drop"] == services["xdp-attach"]["cap_drop"] == ["ALL"]
    assert [name for name, service in services.items() if "cap_add" in service] == ["xdp-attach"]


def test_only_the_alert_port_is_open_to_other_hosts() -> None:
    open_to_all = {
        port
        for service in COMPOSE["services"].values()
        for port in service.get("ports", ())
        if not port.startswith("127.0.0.1:")
    }
    assert open_to_all == {"2801:2801"}


def test_what_compose_mounts_exists() -> None:
    mounted = [
        mount.partition(":")[0]
        for service in COMPOSE["services"].values()
        for mount in service.get("volumes", ())
        if mount.startswith(".")
    ]
    assert mounted
    assert [path for path in mounted if not (ROOT / path).is_file()] == []


def _mounts(service: str) -> dict[Path, Path]:
    """What compose puts where in that container."""
    mounts = (mount.split(":") for mount in COMPOSE["services"][service]["volumes"])
    return {Path(there): ROOT / here for here, there, _ in mounts}


def test_prometheus_finds_its_rules(tmp_path: Path) -> None:
    for there, here in _mounts("prometheus").items():
        shutil.copy(here, tmp_path / there.relative_to("/etc/prometheus"))
    said = _says("promtool", "check", "config", tmp_path / "prometheus.yml")
    assert "1 rule files found" in said
    assert f"{tmp_path / 'prometheus.yml'} is valid" in said


def test_grafana_finds_its_dashboard() -> None:
    mounts = _mounts("grafana")
    provisioned = yaml.safe_load(mounts[Path("/etc/grafana/provisioning/dashboards/sidekick.yml")].read_text())
    folders = [Path(provider["options"]["path"]) for provider in provisioned["providers"]]
    assert [here.name for there, here in mounts.items() if there.parent in folders] == ["grafana.json"]


@pytest.mark.parametrize("name", ["elasticsearch:9200", "kafka:9092", "sidekick:2801"])
def test_what_compose_calls_by_name_is_a_service(name: str) -> None:
    text = (ROOT / "docker-compose.yml").read_text() + (ROOT / "deploy/compose/prometheus.yml").read_text()
    assert name in text
    assert name.partition(":")[0] in COMPOSE["services"]
