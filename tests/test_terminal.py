"""What others wrote is shown on a terminal, and commands it nothing (ECMA-48; Unicode's bidirectional marks)."""

import json
import os
import subprocess
import sys
from pathlib import Path

from sidekick.event import decode
from sidekick.store import Limits, Writer

HOSTILE = "a\x1b]0;title\x07 [bold]b\x1b[2J\u202etxt.exe\rgone"
SHOWN = "aU+001B]0;titleU+0007 [bold]bU+001B[2JU+202Etxt.exeU+000Dgone"


def test_an_alert_in_a_table(tmp_path: Path) -> None:
    body = {
        "rule": HOSTILE,
        "output": HOSTILE,
        "hostname": HOSTILE,
        "priority": "Error",
        "time": "2026-05-06T07:08:09Z",
    }
    writer = Writer.open(tmp_path / "events.sqlite", Limits(age=1e9, size=1 << 40))
    writer.add(decode(json.dumps(body).encode()))
    writer.close()
    configuration = tmp_path / "config.yaml"
    configuration.write_text(json.dumps({"store": {"path": str(tmp_path / "events.sqlite")}}))
    command = [sys.executable, "-m", "sidekick", "events", "-c", str(configuration)]
    wide = os.environ | {"COLUMNS": "400"}
    done = subprocess.run(command, env=wide, capture_output=True, text=True, check=True, timeout=60)
    head, row = done.stdout.splitlines()
    assert head.split() == ["time", "priority", "rule", "host", "output"]
    assert row.split() == ["2026-05-06T07:08:09", "Error", *3 * SHOWN.split()]


def test_a_log_line() -> None:
    code = "import logging, sys; from sidekick.telemetry import set_up_logging; set_up_logging('text', 'info'); "
    code += "logging.getLogger('sidekick').warning('it said %s', sys.argv[1])"
    forged = f"{HOSTILE}\n2026-01-01 00:00:00,000 INFO    all is well"
    done = subprocess.run([sys.executable, "-c", code, forged], capture_output=True, text=True, check=True, timeout=60)
    first, second = done.stderr.splitlines()
    assert first.endswith(f"WARNING it said {SHOWN}")
    assert second == "    2026-01-01 00:00:00,000 INFO    all is well"
