"""What is wrong with a configuration, where, and what was probably meant."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sidekick.settings.watch import Mark


@dataclass(frozen=True, order=True)
class Place:
    """Where something was written: a file with line and column (counted from 1, 0 is unknown), or a variable."""

    file: str = ""
    line: int = 0
    column: int = 0
    variable: str = ""

    def __str__(self) -> str:
        if self.variable:
            return f"environment variable {self.variable}"
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file


NOWHERE = Place()


@dataclass(frozen=True)
class Problem:
    """One thing that a person has to mend, on one line. It never holds a secret's value."""

    message: str
    key: str = ""
    place: Place = NOWHERE
    suggestions: tuple[str, ...] = ()

    def __str__(self) -> str:
        meant = f"; did you mean {' or '.join(self.suggestions)}?" if self.suggestions else ""
        text = ": ".join(part for part in (str(self.place), self.key, self.message + meant) if part)
        # A quoted key may hold any character, and this goes to a terminal.
        return "".join(sign if sign.isprintable() else repr(sign)[1:-1] for sign in text)


class ConfigurationError(Exception):
    """A configuration that cannot be used: every problem found, not only the first, and the files that were read."""

    def __init__(self, problems: Sequence[Problem], files: Mapping[Path, Mark] | None = None) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = tuple(problems)
        self.files = files or {}
