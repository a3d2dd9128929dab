"""What is wrong with a filter, and at which character."""

import difflib
from collections.abc import Iterable


class FilterError(ValueError):
    """A filter that cannot be used. `position` counts characters from 0; `str()` shows the line with a caret below."""

    def __init__(self, message: str, position: int, text: str) -> None:
        super().__init__(message, position, text)
        self.message = message
        self.position = position
        self.text = text

    @property
    def summary(self) -> str:
        """What is wrong and where, on one line."""
        return f"{self.message} (at character {self.position + 1})"

    def __str__(self) -> str:
        start = self.text.rfind("\n", 0, self.position) + 1
        line = self.text[start:].partition("\n")[0].expandtabs(1)
        caret = " " * (self.position - start) + "^"
        return f"{self.summary}\n  {line}\n  {caret}"


def suggestion(word: str, known: Iterable[str]) -> str:
    """`; did you mean 'x'?` for the known word nearest to `word`, or nothing when none is near."""
    by_lower = {name.lower(): name for name in known}
    near = difflib.get_close_matches(word.lower(), by_lower, n=1, cutoff=0.6)
    return f"; did you mean '{by_lower[near[0]]}'?" if near else ""
