"""Go's text/template, compiled once: what `templatedfields` and `messageformat` are written in."""

from typing import Any

from sidekick.sdk.template.compiler import compile_body
from sidekick.sdk.template.error import TemplateExecutionError
from sidekick.sdk.template.parser import parse
from sidekick.sdk.template.run import Run
from sidekick.sdk.template.values import MISSING, from_data


class Template:
    """A compiled template. `text` is what was written."""

    __slots__ = ("_body", "_named", "text")

    def __init__(self, text: str) -> None:
        tree = parse(text)
        self.text = text
        self._body = compile_body(tree.body)
        self._named = {name: compile_body(body) for name, body in tree.named.items()}

    def __repr__(self) -> str:
        return f"Template({self.text!r})"

    def render(self, data: Any) -> str:
        """The text for this data: an event's fields, a `GoEvent`, or any str, int, float, bool, None, list or dict.

        Raises `TemplateExecutionError`, whose `partial` is what was written before, and nothing else.
        """
        dot = MISSING if data is None else from_data(data)
        run = Run(self._named, dot)
        try:
            self._body(run, dot)
        except (TemplateExecutionError, RecursionError) as error:
            failure = _failure(error)
            failure.partial = "".join(run.output)
            raise failure from None
        return "".join(run.output)


def compile_template(text: str) -> Template:
    """Compile a template; raises `TemplateError` with the position of the mistake."""
    return Template(text)


def _failure(error: Exception) -> TemplateExecutionError:
    # Data nested deeper than Python's stack: an event may hold it, and printing it follows it down.
    return error if isinstance(error, TemplateExecutionError) else TemplateExecutionError("value nested too deeply")
