"""What the SDK promises: a destination is one small file."""

from pathlib import Path
from statistics import median

from bench.lines import code_lines, of_outputs

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


def test_half_of_the_outputs_have_at_most_sixty_lines_of_code() -> None:
    lines = of_outputs()
    assert len(lines) > 50
    assert median(lines.values()) <= 60


def test_lines_of_code_are_counted(tmp_path: Path) -> None:
    file = tmp_path / "sample.py"
    file.write_text(SAMPLE)
    assert code_lines(file) == 7
