"""What the SDK promises: a destination is one small file."""

from collections.abc import Callable
from pathlib import Path
from statistics import median

import pytest

from bench.lines import all_lines, code_lines, of_outputs

SAMPLE = '''"""A module."""

# A comment.
class A:
    key = ""
    """What the key
    means."""

    def f(self) -> str:
        """What it does."""
        return (
            "a text"  # that is
            """ no docstring"""
        )
'''


@pytest.mark.parametrize("count", [code_lines, all_lines])
def test_half_of_the_outputs_have_at_most_sixty_lines(count: Callable[[Path], int]) -> None:
    lines = of_outputs(count)
    assert len(lines) > 50
    assert median(lines.values()) <= 60


def test_lines_of_code_are_counted(tmp_path: Path) -> None:
    file = tmp_path / "sample.py"
    file.write_text(SAMPLE)
    assert code_lines(file) == 7
    assert all_lines(file) == 14
