"""The README's first command: it shows an alert from end to end with no other server."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest
import yaml

from tests.deadline import wait_for

ROOT = Path(__file__).parents[2]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """What `make run` finds after an install: the configuration, and this environment as its `.venv`."""
    shutil.copytree(ROOT / "config", tmp_path / "config")
    (tmp_path / ".venv").symlink_to(Path(sys.executable).parents[1])
    return tmp_path


@pytest.fixture
def quickstart(checkout: Path) -> Iterator["subprocess.Popen[str]"]:
    said = (checkout / "said").open("w")
    with (
        said,
        subprocess.Popen([checkout / "config" / "quickstart.sh"], stdout=said, stderr=said, text=True) as process,
    ):
        yield process
        process.kill()


def test_it_sends_itself_an_alert_and_says_where_that_is(checkout: Path, quickstart: "subprocess.Popen[str]") -> None:
    events, said = checkout / "data" / "events.jsonl", checkout / "said"
    wait_for(lambda: events.exists() and "Test rule" in events.read_text(), what="the alert in the file")
    assert json.loads(events.read_text().splitlines()[0])["rule"] == "Test rule"
    wait_for(lambda: "tail -n 1 data/events.jsonl" in said.read_text(), what="where to look")
    assert '"rule":"Test rule"' in said.read_text()
    [page] = re.findall(r"(http://\S+) +on the page", said.read_text())
    wait_for(lambda: "This is a test from falcosidekick" in _text(f"{page}/events"), what="the alert on the page")
    os.kill(quickstart.pid, signal.SIGINT)
    assert quickstart.wait(20) == 0


def _text(url: str) -> str:
    with urlopen(url, timeout=10) as answer:
        return answer.read().decode()


def test_the_readmes_commands_do_what_it_says(checkout: Path, quickstart: "subprocess.Popen[str]") -> None:
    blocks = re.findall(r"```sh\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert blocks[0].strip() == "make run", "the fixture is what `make run` starts once everything is installed"
    wait_for(lambda: "http_output" in (checkout / "said").read_text(), what="the service")
    shown = subprocess.run(blocks[1], shell=True, cwd=checkout, capture_output=True, text=True, timeout=30, check=True)
    assert "200 OK" in shown.stdout
    events = checkout / "data" / "events.jsonl"
    wait_for(lambda: '"rule":"Terminal shell in container"' in events.read_text(), what="the alert in the file")
    page = "http://127.0.0.1:2802/events"  # which shows the last day
    wait_for(lambda: "Terminal shell in container" in _text(page), what="the alert on the page")


def test_the_readmes_falco_lines_are_what_falco_understands() -> None:
    [block] = re.findall(r"```yaml\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert yaml.safe_load(block) == {
        "json_output": True,
        "http_output": {"enabled": True, "url": "http://localhost:2801/"},
    }
