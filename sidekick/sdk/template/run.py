"""What one rendering holds, and its bounds: a template of any content ends, soon, with bounded memory."""

from collections.abc import Callable, Mapping
from typing import Any

from sidekick.sdk.template.error import TemplateExecutionError
from sidekick.sdk.template.formatting import MAX_TEXT

MAX_STEPS = 100_000  # nodes, loop rounds and elements to loop over
MAX_CALLS = 50  # templates calling templates


class Run:
    """Written text, variables (the innermost last), and what is left of the bounds."""

    __slots__ = ("_calls", "_steps", "_templates", "_text", "output", "variables")

    def __init__(self, templates: "Mapping[str, Callable[[Run, Any], None]]", dot: Any) -> None:
        self.output: list[str] = []
        self.variables: list[tuple[str, Any]] = [("", dot)]
        self._templates = templates
        self._steps = self._text = self._calls = 0

    def step(self, count: int = 1) -> None:
        self._steps += count
        if self._steps > MAX_STEPS:
            raise TemplateExecutionError(f"stopped after {MAX_STEPS} steps")

    def count(self, text: str) -> None:
        self._text += len(text)
        if self._text > MAX_TEXT:
            raise TemplateExecutionError(f"stopped after {MAX_TEXT} characters")

    def write(self, text: str) -> None:
        self.count(text)
        self.output.append(text)

    def variable(self, name: str) -> Any:
        for known, value in reversed(self.variables):
            if known == name:
                return value
        raise TemplateExecutionError(f"undefined variable: ${name}")

    def assign(self, name: str, value: Any) -> None:
        for place in range(len(self.variables) - 1, -1, -1):
            if self.variables[place][0] == name:
                self.variables[place] = (name, value)
                return
        raise TemplateExecutionError(f"undefined variable: ${name}")

    def call(self, name: str, dot: Any) -> None:
        """Run a named template, which sees none of the caller's variables."""
        if name not in self._templates:
            raise TemplateExecutionError(f"template {name!r} not defined")
        if self._calls == MAX_CALLS:
            raise TemplateExecutionError(f"exceeded maximum template depth ({MAX_CALLS})")
        outer = self.variables
        self.variables = [("", dot)]
        self._calls += 1
        self._templates[name](self, dot)
        self._calls -= 1
        self.variables = outer
