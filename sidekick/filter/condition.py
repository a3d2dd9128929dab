"""A filter compiled to closures: from an event to whether it passes, and why.

A field that is absent, null or an empty list makes every comparison false, `!=` too, as in Falco; so `not x in (…)` is
true where `x` is missing. Of a list, `in` asks that all elements match, `!=` that none does, and every other operator
that one does.
"""

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, cast

from sidekick.event import Event, Priority
from sidekick.filter.error import FilterError, suggestion
from sidekick.filter.operators import ORDERINGS, InvalidValueError, Matcher, matcher, text_of
from sidekick.filter.parser import parse
from sidekick.filter.syntax import And, Comparison, Expression, Not, Or, Value

Test = Callable[[Event], bool]
Read = Callable[[Event], Any]

_EQUALITIES = frozenset({"=", "!=", "in", "intersects"})


@dataclass(frozen=True, slots=True)
class Explanation:
    """One clause, its result for an event, what the event held there (comparisons only), and the clauses inside it."""

    text: str
    result: bool
    found: Any = None
    parts: tuple["Explanation", ...] = ()

    def __str__(self) -> str:
        return "\n".join(self._lines(0))

    def _lines(self, depth: int) -> list[str]:
        own = f"{'  ' * depth}{'true ' if self.result else 'false'}  {self.text}"
        if not self.parts:
            own += f"  [{'missing' if self.found is None else _shown(self.found)}]"
        return [own, *(line for part in self.parts for line in part._lines(depth + 1))]


class Filter:
    """A compiled filter: call it with an event. `text` is what was written, `expression` its tree."""

    __slots__ = ("_test", "expression", "text")

    def __init__(self, text: str, expression: Expression) -> None:
        self.text = text
        self.expression = expression
        self._test = _compile(expression)

    def __call__(self, event: Event) -> bool:
        return self._test(event)

    def __repr__(self) -> str:
        return f"Filter({self.text!r})"

    def __reduce__(self) -> tuple[Callable[[str], "Filter"], tuple[str]]:
        """Closures do not travel to another process: there the text is compiled anew."""
        return compile_filter, (self.text,)

    def explain(self, event: Event) -> Explanation:
        """Why the event passes or not: every clause with its own result, those that a shorter way skips included."""
        return _explain(self.expression, event)


def compile_filter(text: str) -> Filter:
    """A filter from Falco's condition syntax; raises `FilterError`, which points at the character."""
    try:
        return Filter(text, parse(text))
    except InvalidValueError as error:
        raise FilterError(str(error), error.value.position, text) from None


def _compile(expression: Expression) -> Test:
    match expression:
        case Comparison():
            return _compile_comparison(expression)
        case Not(operand):
            inner = _compile(operand)
            return lambda event: not inner(event)
        case And(operands):
            return _every([_compile(operand) for operand in operands])
        case Or(operands):
            return _some([_compile(operand) for operand in operands])


def _every(tests: Sequence[Test]) -> Test:
    def every(event: Event) -> bool:
        for test in tests:  # noqa: SIM110 - `all` over a generator takes twice as long
            if not test(event):
                return False
        return True

    return every


def _some(tests: Sequence[Test]) -> Test:
    def some(event: Event) -> bool:
        for test in tests:  # noqa: SIM110
            if test(event):
                return True
        return False

    return some


def _compile_comparison(comparison: Comparison) -> Test:
    name, operator, values = comparison.field, comparison.operator, comparison.values
    read = field_reader(name)
    if operator == "exists":
        return lambda event: _present(read(event))
    if name in _ORDERED and (operator in ORDERINGS or operator in _EQUALITIES):
        return _compare_ordered(name, operator, values)
    try:
        match = matcher(operator, values)
    except InvalidValueError as error:
        if operator in ORDERINGS and (near := suggestion(name, _ORDERED)):
            raise InvalidValueError(f"{error}{near}", error.value) from None
        raise
    return _QUANTIFIERS.get(operator, _any_matches)(read, match)


def _any_matches(read: Read, match: Matcher) -> Test:
    def test(event: Event) -> bool:
        value = read(event)
        return match(value) if type(value) is str else any(map(match, _scalars(value)))

    return test


def _all_match(read: Read, match: Matcher) -> Test:
    def test(event: Event) -> bool:
        value = read(event)
        if type(value) is str:
            return match(value)
        scalars = _scalars(value)
        return bool(scalars) and all(map(match, scalars))

    return test


def _none_matches(read: Read, match: Matcher) -> Test:
    def test(event: Event) -> bool:
        scalars = _scalars(read(event))
        return bool(scalars) and not any(map(match, scalars))

    return test


_QUANTIFIERS = {"in": _all_match, "!=": _none_matches}


def _scalars(value: Any) -> Sequence[Any]:
    """What of a field's value can be compared: itself, or the elements of a list. Objects and nulls cannot."""
    if type(value) is tuple:  # only tags are one, and the decoder has made them texts
        return cast("Sequence[Any]", value)
    if type(value) is list:
        items = cast("list[Any]", value)
        return [item for item in items if item is not None and not isinstance(item, list | dict)]
    return () if value is None or type(value) is dict else (value,)


def _present(value: Any) -> bool:
    return value is not None and value != [] and value != ()


def field_reader(name: str) -> Read:
    """Reads an event's field by its name in filters; None where it is missing."""
    if name in _ATTRIBUTES:
        return _ATTRIBUTES[name]
    return lambda event: event.fields.get(name)


# The decoder writes an absent text as the empty one, and Falco never sends an empty one.
_ATTRIBUTES: dict[str, Read] = {
    "rule": attrgetter("rule"),
    "priority": attrgetter("priority.value"),
    "source": attrgetter("source"),
    "time": attrgetter("time"),
    "tags": attrgetter("tags"),
    "hostname": lambda event: event.hostname or None,
    "output": lambda event: event.output or None,
}


def _compare_ordered(name: str, operator: str, values: Sequence[Value]) -> Test:
    read, convert = _ORDERED[name]
    bounds = [convert(value) for value in values]
    if operator in ORDERINGS:
        compare, bound = ORDERINGS[operator], bounds[0]
        return lambda event: compare(read(event), bound)
    if operator == "!=":
        return lambda event: read(event) != bounds[0]
    return lambda event: read(event) in bounds


def _priority_level(value: Value) -> int:
    try:
        return Priority.parse(value.text).level
    except KeyError:
        names = [priority.value for priority in Priority]
        hint = suggestion(value.text, names) or f"; priorities are {', '.join(names)}"
        raise InvalidValueError(f"unknown priority '{value.text}'{hint}", value) from None


def _instant(value: Value) -> dt.datetime:
    try:
        instant = dt.datetime.fromisoformat(value.text)
    except ValueError:
        message = f"'{value.text}' is not a time such as 2026-01-31T12:00:00Z"
        raise InvalidValueError(message, value) from None
    return instant if instant.tzinfo else instant.replace(tzinfo=dt.UTC)


_ORDERED: dict[str, tuple[Read, Callable[[Value], Any]]] = {
    "priority": (attrgetter("priority.level"), _priority_level),
    "time": (attrgetter("datetime"), _instant),
}


def _explain(expression: Expression, event: Event) -> Explanation:
    text, result = str(expression), _compile(expression)(event)
    match expression:
        case Comparison(field):
            return Explanation(text, result, field_reader(field)(event))
        case Not(operand):
            return Explanation(text, result, parts=(_explain(operand, event),))
        case And(operands) | Or(operands):
            return Explanation(text, result, parts=tuple(_explain(operand, event) for operand in operands))


def _shown(found: Any) -> str:
    if isinstance(found, list | tuple):
        return ", ".join(map(_shown, cast("Sequence[Any]", found)))
    return text_of(found)
