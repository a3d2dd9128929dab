"""What Go's text/template makes of the templates in `cases/`; `python -m tests.template.fixtures` asks Go anew.

A line of `cases/*.txt` is a template (⏎ stands for a newline); `cases/dots.json` has the data that each file's
templates are rendered with.
"""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
FIXTURES = HERE / "fixtures.json"
DOTS = (HERE / "cases" / "dots.json").read_text()
RENDERED_WITH = {
    "fields": ["fields"],
    "event": ["event", "event with little"],
    "whole": ["nothing", "text", "five", "false", "list"],
}


def cases() -> list[dict[str, str]]:
    return [
        {"dot": dot, "template": line.replace("⏎", "\n")}
        for file, dots in RENDERED_WITH.items()
        for dot in dots
        for line in (HERE / "cases" / f"{file}.txt").read_text().splitlines()
    ]


def render_with_go(asked: list[dict[str, str]]) -> list[dict[str, Any]]:
    """The cases with `output`, `error` ("", "parse" or "execution") and Go's message added."""
    answer = subprocess.run(
        ["go", "run", "."],
        cwd=HERE / "generate",
        input=f'{{"dots": {DOTS}, "cases": {json.dumps(asked)}}}'.encode(),
        env=os.environ | {"TZ": "UTC"},
        stdout=subprocess.PIPE,
        check=True,
    )
    return json.loads(answer.stdout)


if __name__ == "__main__":
    FIXTURES.write_text(json.dumps(render_with_go(cases()), indent=1, ensure_ascii=False) + "\n")
