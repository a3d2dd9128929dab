"""The functions of a template, but for `and` and `or`, which the compiler makes: they leave arguments unevaluated."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

from sidekick.sdk.template import comparison, escaping
from sidekick.sdk.template.error import TemplateExecutionError
from sidekick.sdk.template.formatting import printed, sprint, sprintf, sprintln
from sidekick.sdk.template.values import MISSING, from_data, truth, type_name


@dataclass(frozen=True, slots=True)
class Builtin:
    """A function and how many arguments it takes; no `most` means any number."""

    run: Callable[..., Any]
    least: int
    most: int | None = None

    def call(self, name: str, arguments: Sequence[Any]) -> Any:
        count = len(arguments)
        if count < self.least or (self.most is not None and count > self.most):
            at_least = "" if self.least == self.most else "at least "
            raise TemplateExecutionError(f"wrong number of args for {name}: want {at_least}{self.least} got {count}")
        return self.run(*arguments)


def untrue(value: Any) -> bool:
    return not truth(value)


def length(value: Any) -> int:
    """Elements of a list or map; of a text, its UTF-8 bytes."""
    if isinstance(value, str):
        return len(value) if value.isascii() else len(_bytes(value))
    if isinstance(value, list | tuple | dict):
        return len(cast("Sequence[Any]", value))
    raise TemplateExecutionError(f"error calling len: len of type {type_name(value)}")


def index(value: Any, *keys: Any) -> Any:
    """`value[key][key]…`; an absent key of a map gives nil, a position outside a list or text is an error."""
    if value is MISSING or value is None:
        raise TemplateExecutionError("error calling index: index of untyped nil")
    for key in keys:
        value = _item(value, key)
    return value


def _item(value: Any, key: Any) -> Any:
    if isinstance(value, dict):
        if type(key) is not str:
            raise TemplateExecutionError(f"error calling index: value has type {type_name(key)}; should be string")
        return from_data(cast("dict[str, Any]", value).get(key))
    if isinstance(value, str):
        value = _bytes(value)
        return value[_position(key, len(value) - 1, "index")]
    if isinstance(value, list | tuple):
        items = cast("Sequence[Any]", value)
        return from_data(items[_position(key, len(items) - 1, "index")])
    raise TemplateExecutionError(f"error calling index: can't index item of type {type_name(value)}")


def _position(key: Any, last: int, function: str) -> int:
    if not isinstance(key, int) or isinstance(key, bool):
        message = f"error calling {function}: cannot index slice/array with type {type_name(key)}"
        raise TemplateExecutionError(message)
    if not 0 <= key <= last:
        raise TemplateExecutionError(f"error calling {function}: index out of range: {int(key)}")
    return int(key)


def cut(value: Any, *bounds: Any) -> Any:
    """`slice`: a part of a list, or of a text by its UTF-8 bytes."""
    data = _bytes(value) if isinstance(value, str) else value
    if not isinstance(data, bytes | list | tuple):
        raise TemplateExecutionError(f"error calling slice: can't slice item of type {type_name(value)}")
    data = cast("Sequence[Any]", data)
    if len(bounds) == 3 and isinstance(value, str):
        raise TemplateExecutionError("error calling slice: cannot 3-index slice a string")
    if len(bounds) > 3:
        raise TemplateExecutionError(f"error calling slice: too many slice indexes: {len(bounds)}")
    positions = [_position(bound, len(data), "slice") for bound in bounds]
    start, end, *capacity = positions + [0, len(data)][len(positions) :]
    if not start <= end <= (capacity[0] if capacity else end):
        raise TemplateExecutionError(f"error calling slice: invalid slice index: {start} > {end}")
    part = data[start:end]
    return part.decode("utf-8", "replace") if isinstance(part, bytes) else part


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "replace")


def call(function: Any, *_: Any) -> Any:
    """Alerts hold no functions, so this can only fail, as it does in Go on anything else."""
    raise TemplateExecutionError(f"error calling call: non-function of type {type_name(function)}")


def _escaper(escape: Callable[[str], str]) -> Builtin:
    def run(*arguments: Any) -> str:
        shown = [printed(MISSING) if argument in (MISSING, None) else argument for argument in arguments]
        return escape(sprint(*shown))

    return Builtin(run, 0)


FUNCTIONS: dict[str, Builtin] = {
    "call": Builtin(call, 1),
    "eq": Builtin(comparison.equal, 1),
    "ge": Builtin(comparison.greater_or_equal, 2, 2),
    "gt": Builtin(comparison.greater, 2, 2),
    "html": _escaper(escaping.html),
    "index": Builtin(index, 1),
    "js": _escaper(escaping.js),
    "le": Builtin(comparison.less_or_equal, 2, 2),
    "len": Builtin(length, 1, 1),
    "lt": Builtin(comparison.less, 2, 2),
    "ne": Builtin(comparison.unequal, 2, 2),
    "not": Builtin(untrue, 1, 1),
    "print": Builtin(sprint, 0),
    "printf": Builtin(sprintf, 1),
    "println": Builtin(sprintln, 0),
    "slice": Builtin(cut, 1),
    "urlquery": _escaper(escaping.urlquery),
}
SHORT_CIRCUITS = {"and": False, "or": True}
