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


def shown(tmp_path: Path, text: str, columns: int | None) -> list[str]:
    """The lines of a table with one alert whose texts are that one; without `columns` a program reads them."""
    body = {
        "rule": text,
        "output": text,
        "hostname": text,
        "priority": "Error",
        "time": "2026-05-06T07:08:09Z",
    }
    writer = Writer.open(tmp_path / "events.sqlite", Limits(age=1e9, size=1 << 40))
    writer.add(decode(json.dumps(body).encode()))
    writer.close()
    configuration = tmp_path / "config.yaml"
    configuration.write_text(json.dumps({"store": {"path": str(tmp_path / "events.sqlite")}}))
    command = [sys.executable, "-m", "sidekick", "events", "-c", str(configuration)]
    environment = {name: value for name, value in os.environ.items() if name != "COLUMNS"}
    environment |= {"COLUMNS": str(columns)} if columns else {}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=60)
    return done.stdout.splitlines()


def test_an_alert_in_a_table(tmp_path: Path) -> None:
    head, row = shown(tmp_path, HOSTILE, 400)
    assert head.split() == ["time", "priority", "rule", "host", "output"]
    assert row.split() == ["2026-05-06T07:08:09", "Error", *3 * SHOWN.split()]


def test_a_time_stays_whole_where_the_texts_beside_it_do_not(tmp_path: Path) -> None:
    _, first, *_ = shown(tmp_path, "word " * 100, 60)
    assert first.split()[:2] == ["2026-05-06T07:08:09", "Error"]


def test_nothing_is_cut_where_there_is_little_room(tmp_path: Path) -> None:
    word = "/var/lib/kubelet/pods/0f3c2a/volumes/kubernetes.io~secret/token"
    head, *rows = shown(tmp_path, word, 60)
    assert "".join(row[head.index("output") :].strip() for row in rows) == word


def test_a_program_that_reads_gets_a_line_an_alert(tmp_path: Path) -> None:
    head, row = shown(tmp_path, "word\n" * 200, None)
    assert head.split() == ["time", "priority", "rule", "host", "output"]
    assert row.split() == ["2026-05-06T07:08:09", "Error", *600 * ["word"]]
    assert not row.endswith(" ")


def test_a_log_line() -> None:
    code = "import logging, sys; from sidekick.telemetry import set_up_logging; set_up_logging('text', 'info'); "
    code += "logging.getLogger('sidekick').warning('it said %s', sys.argv[1])"
    forged = f"{HOSTILE}\n2026-01-01 00:00:00,000 INFO    all is well"
    done = subprocess.run([sys.executable, "-c", code, forged], capture_output=True, text=True, check=True, timeout=60)
    first, second = done.stderr.splitlines()
    assert first.endswith(f"WARNING it said {SHOWN}")
    assert second == "    2026-01-01 00:00:00,000 INFO    all is well"
