"""What Go's fmt prints: `%v` of any value, `print`, `println`, and `printf`'s reading of a format.

One thing is more lenient than Go: a JSON number takes the verbs of numbers too, where Go prints `%!d(json.Number=12)`.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any, cast

from sidekick.sdk.template.error import TemplateExecutionError
from sidekick.sdk.template.values import MISSING, GoObject, JsonNumber, from_data, type_name
from sidekick.sdk.template.verbs import Layout, float_text, go_quoted, integer_text, pad, string_text

MAX_TEXT = 1 << 20  # characters that one rendering may make; a chat message holds a few thousand
MAX_WIDTH = 1000  # Go takes a million, which a list would multiply

_PLAIN = Layout("v")
_DIRECTIVE = re.compile(
    r"%(?P<flags>[#0+\- ]*)(?P<width>(?:\[\d{1,4}\])?\*|\d{1,9})?"
    r"(?:\.(?P<precision>(?:\[\d{1,4}\])?\*|\d{0,9}))?"
    r"(?:\[(?P<at>\d{1,4})\])?(?P<verb>.)?",
    re.DOTALL,
)


def printed(value: Any) -> str:
    """A value as `{{ value }}` prints it."""
    if type(value) is str:
        return value
    return "<no value>" if value is MISSING else _formatted(value, _PLAIN)


def sprint(*arguments: Any) -> str:
    """`print`: a space between two operands when neither is a text."""
    parts: list[str] = []
    previous_is_text = True
    for argument in arguments:
        is_text = isinstance(argument, str)
        if parts and not is_text and not previous_is_text:
            parts.append(" ")
        parts.append(_formatted(argument, _PLAIN))
        previous_is_text = is_text
    return "".join(parts)


def sprintln(*arguments: Any) -> str:
    return " ".join(_formatted(argument, _PLAIN) for argument in arguments) + "\n"


def sprintf(template: Any, *arguments: Any) -> str:
    if type(template) is not str:
        raise TemplateExecutionError(f"wrong type for value; expected string; got {type_name(template)}")
    return _Printer(arguments).print(template)


class _Printer:
    def __init__(self, arguments: Sequence[Any]) -> None:
        self.arguments = arguments
        self.used = 0
        self.reordered = False

    def print(self, template: str) -> str:
        parts: list[str] = []
        size = position = 0
        for match in _DIRECTIVE.finditer(template):
            parts += template[position : match.start()], self.directive(match)
            position = match.end()
            size += len(parts[-1])
            if size > MAX_TEXT:
                raise TemplateExecutionError(f"error calling printf: more than {MAX_TEXT} characters")
        return "".join(parts) + template[position:] + self.extra()

    def directive(self, match: re.Match[str]) -> str:
        verb = match["verb"]
        complaints: list[str] = []
        layout = Layout(
            verb or "v",
            flags=match["flags"].replace("+", "") if verb == "v" else match["flags"],
            width=self.size(match["width"], "WIDTH", complaints),
            precision=self.size(match["precision"], "PREC", complaints),
        )
        return "".join(complaints) + self.argument(verb, match["at"] or "", layout)

    def argument(self, verb: str | None, at: str, layout: Layout) -> str:
        if verb is None:
            return "%!(NOVERB)"
        if verb == "%":
            return "%"
        if not self.move_to(at):
            return f"%!{verb}(BADINDEX)"
        if self.used >= len(self.arguments):
            return f"%!{verb}(MISSING)"
        self.used += 1
        return _formatted(self.arguments[self.used - 1], layout)

    def size(self, written: str | None, name: str, complaints: list[str]) -> int | None:
        """A width or precision: digits, or `*` for the next argument, or `[n]*` for the nth."""
        if written is None:
            return None
        if not written.endswith("*"):
            value: Any = int(written or "0")
        elif self.move_to(written.strip("[]*")) and self.used < len(self.arguments):
            self.used += 1
            value = self.arguments[self.used - 1]
        else:
            value = None
        if type(value) is int and abs(value) <= MAX_WIDTH:
            return value
        complaints.append(f"%!(BAD{name})")
        return None

    def move_to(self, at: str) -> bool:
        if not at:
            return True
        self.reordered = True
        if not 1 <= int(at) <= len(self.arguments):
            return False
        self.used = int(at) - 1
        return True

    def extra(self) -> str:
        if self.reordered or self.used >= len(self.arguments):
            return ""
        shown = (
            "<nil>" if _is_nil(value) else f"{type_name(value)}={_formatted(value, _PLAIN)}"
            for value in self.arguments[self.used :]
        )
        return f"%!(EXTRA {', '.join(shown)})"


def _formatted(value: Any, layout: Layout) -> str:
    verb = layout.verb
    if verb == "T":
        return string_text(type_name(value), layout)
    if _is_nil(value):
        return pad("<nil>", layout) if verb == "v" else f"%!{verb}(<nil>)"
    if isinstance(value, GoObject) and verb in "vsxXq" and not layout.go_syntax:
        return string_text(str(value), layout)
    for kind, format_kind in _KINDS:
        if isinstance(value, kind):
            text = format_kind(value, layout)
            return _bad_verb(value, layout) if text is None else text
    return _bad_verb(value, layout)


def _bad_verb(value: Any, layout: Layout) -> str:
    plain = replace(layout, verb="v", flags=layout.flags.replace("#", ""))
    return f"%!{layout.verb}({type_name(value)}={_formatted(value, plain)})"


def _bool(value: bool, layout: Layout) -> str | None:
    return pad("true" if value else "false", layout) if layout.verb in "vt" else None


def _string(value: str, layout: Layout) -> str | None:
    if isinstance(value, JsonNumber) and layout.verb in "dboOcUeEfFgG":
        return _number(value.number, layout)
    if layout.go_syntax:
        return pad(go_quoted(value), layout)
    return string_text(value, layout) if layout.verb in "vsxXq" else None


def _number(number: int | float, layout: Layout) -> str | None:
    if layout.verb in "eEfFgG":
        return float_text(float(number), layout)
    return integer_text(int(number), layout) if number == number // 1 and abs(number) < 2**64 else None


def _list(value: Sequence[Any], layout: Layout) -> str:
    if layout.go_syntax:
        return f"{type_name(value)}{{{', '.join(_elements(value, layout))}}}"
    return f"[{' '.join(_elements(value, layout))}]"


def _dict(value: dict[str, Any], layout: Layout) -> str:
    keys = sorted(value)
    pairs = zip(_elements(keys, layout), _elements((value[key] for key in keys), layout), strict=True)
    joined = (f"{key}:{item}" for key, item in pairs)
    if layout.go_syntax:
        return f"map[string]interface {{}}{{{', '.join(joined)}}}"
    return f"map[{' '.join(joined)}]"


def _elements(items: Iterable[Any], layout: Layout) -> Iterable[str]:
    nil = "interface {}(nil)" if layout.go_syntax else "<nil>"
    return (pad(nil, layout) if item is None else _formatted(from_data(item), layout) for item in items)


def _is_nil(value: Any) -> bool:
    return value is None or value is MISSING


# In this order: a bool is an int to Python.
_KINDS: tuple[tuple[Any, Callable[[Any, Layout], str | None]], ...] = (
    (bool, _bool),
    (str, _string),
    (int, integer_text),
    (float, float_text),
    ((list, tuple), cast("Callable[[Any, Layout], str]", _list)),
    (dict, _dict),
)
