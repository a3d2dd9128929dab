"""The guide for falcosidekick's users: what it shows of `sidekick check` is what that says."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

GUIDE = Path(__file__).parents[1] / "docs" / "coming-from-falcosidekick.md"
CONFIGURATION = re.findall(r"```yaml\n(.*?)```", GUIDE.read_text(), re.DOTALL)[0]
SHOWN = re.findall(r"```console\n\$ (.*?)\n(.*?)```", GUIDE.read_text(), re.DOTALL)
ALERT = """{"rule": "Terminal shell in container", "priority": "Notice", "time": "2026-05-06T07:08:09Z",
    "output": "A shell", "output_fields": {"k8s.ns.name": "shop"}, "source": "syscall"}"""
FALCO = """json_output: true
http_output: {enabled: true, url: "http://localhost:2801/", keep_alive: true}
"""


@pytest.mark.parametrize(("command", "shown"), SHOWN, ids=[command for command, _ in SHOWN])
def test_it_shows_what_is_said(command: str, shown: str, tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(CONFIGURATION)
    (tmp_path / "mended.yaml").write_text(CONFIGURATION.replace("adress", "address"))
    (tmp_path / "alert.json").write_text(ALERT)
    (tmp_path / "falco.yaml").write_text(FALCO)
    words = shlex.split(command)
    at = words.index("sidekick")
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": str(GUIDE.parents[1])}
    environ |= dict(word.split("=", 1) for word in words[:at])
    run = [sys.executable, "-m", *words[at:]]
    done = subprocess.run(run, cwd=tmp_path, env=environ, capture_output=True, text=True, check=False)
    assert done.stdout + done.stderr == shown


def test_it_shows_something() -> None:
    assert len(SHOWN) == 5
