"""`eq`, `ne`, `lt`, `le`, `gt`, `ge`, by Go's rules: only equal kinds compare.

One thing is more lenient than Go: a JSON number also compares with a number, where Go stops with an error.
"""

from typing import Any

from sidekick.sdk.template.error import TemplateExecutionError
from sidekick.sdk.template.values import MISSING, JsonNumber, type_name


def equal(first: Any, *others: Any) -> bool:
    """Whether the first equals any of the others."""
    if not others:
        raise TemplateExecutionError("error calling eq: missing argument for comparison")
    return any(_same(first, other) for other in others)


def less(first: Any, second: Any) -> bool:
    if (pair := _numbers(first, second)) is not None:
        return pair[0] < pair[1]
    kinds = _kind(first), _kind(second)
    if "" in kinds or kinds == ("bool", "bool"):
        raise TemplateExecutionError("error calling lt: invalid type for comparison")
    if kinds[0] != kinds[1]:
        raise _incompatible(first, second)
    return first < second


def unequal(first: Any, second: Any) -> bool:
    return not equal(first, second)


def less_or_equal(first: Any, second: Any) -> bool:
    return less(first, second) or equal(first, second)


def greater(first: Any, second: Any) -> bool:
    return not less_or_equal(first, second)


def greater_or_equal(first: Any, second: Any) -> bool:
    return not less(first, second)


def _same(first: Any, second: Any) -> bool:
    if (pair := _numbers(first, second)) is not None:
        return pair[0] == pair[1]
    if _is_nil(first) or _is_nil(second):
        return _is_nil(first) and _is_nil(second)
    kind = _kind(first)
    if kind != _kind(second):
        raise _incompatible(first, second)
    if not kind and type(second) in (list, tuple, dict):
        raise TemplateExecutionError(f"error calling eq: non-comparable type {type_name(second)}")
    return first == second


def _numbers(first: Any, second: Any) -> tuple[Any, Any] | None:
    """Both as numbers if one is a JSON number and the other a number."""
    if isinstance(first, JsonNumber) and _kind(second) in ("int", "float"):
        return first.number, second
    if isinstance(second, JsonNumber) and _kind(first) in ("int", "float"):
        return first, second.number
    return None


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "bool"
    for kind, name in ((int, "int"), (float, "float"), (str, "string")):
        if isinstance(value, kind):
            return name
    return ""


def _is_nil(value: Any) -> bool:
    return value is MISSING or value is None


def _incompatible(first: Any, second: Any) -> TemplateExecutionError:
    types = f"{type_name(first)} and {type_name(second)}"
    return TemplateExecutionError(f"error calling eq: incompatible types for comparison: {types}")
