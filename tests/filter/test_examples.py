"""Every example of docs/filters.md does what the page says."""

import re
from pathlib import Path

import pytest

from sidekick.event import decode
from sidekick.filter import FilterError, compile_filter

PAGE = (Path(__file__).parents[2] / "docs" / "filters.md").read_text()
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", PAGE, re.DOTALL)
ROWS = re.findall(r"^\| `(.+?)` \| (passes|does not pass) \|", PAGE, re.MULTILINE)
(EVENT,) = [event for kind, text in BLOCKS if kind == "json" for event in decode(text.encode())]


@pytest.mark.parametrize(("text", "verdict"), ROWS)
def test_row(text: str, verdict: str) -> None:
    assert compile_filter(text)(EVENT) is (verdict == "passes")


@pytest.mark.parametrize("block", [text for kind, text in BLOCKS if kind == "error"])
def test_error(block: str) -> None:
    with pytest.raises(FilterError) as caught:
        compile_filter(block.splitlines()[1].strip())
    assert str(caught.value) == block.rstrip()


def test_the_page_names_every_operator_and_has_examples() -> None:
    from sidekick.filter.syntax import OPERATORS

    assert len(ROWS) >= 25
    assert [operator for operator in OPERATORS if f" {operator} " not in PAGE.replace("`", " ")] == []
