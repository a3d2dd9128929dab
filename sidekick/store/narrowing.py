"""From a filter to a full-text query that finds at least all events that the filter can pass, and seldom many more."""

from collections.abc import Callable, Sequence

from sidekick.event import Priority
from sidekick.filter.operators import ORDERINGS, number_in
from sidekick.filter.syntax import And, Comparison, Expression, Not, Or, Value
from sidekick.store.words import LETTERS, MARK, split

Find = Callable[[str], int | None]
"""The number of a name; None where no event has it."""

_NAMED = {"rule": "r", "source": "s", "hostname": "h", "k8s.ns.name": "n", "container.image.repository": "i"}
_ALSO_LISTS = "ni"
"""Whose fields may hold a list, which events are not counted by: its names are found by their words."""
_MOST_WORDS = 8
_NOTHING = f'"{MARK}none"'


def narrow(expression: Expression, find: Find) -> str | None:
    """An FTS5 query, or None where every event has to be looked at."""
    match expression:
        case And(operands):
            return both([narrow(operand, find) for operand in operands])
        case Or(operands):
            return _either([narrow(operand, find) for operand in operands])
        case Comparison():
            return _comparison(expression, find)
        case Not():
            return None


def words(text: str) -> str | None:
    """Those of one search text: each word whole, or its beginning where an asterisk follows."""
    return both([_all_of(word) for word in text.split()])


def both(queries: Sequence[str | None]) -> str | None:
    known = list(dict.fromkeys(query for query in queries if query))
    return " AND ".join(known) or None


def _either(queries: Sequence[str | None]) -> str | None:
    known = [query for query in queries if query]
    return f"({' OR '.join(known)})" if known and len(known) == len(queries) else None


def _comparison(comparison: Comparison, find: Find) -> str | None:
    field, operator, values = comparison.field, comparison.operator, comparison.values
    if field == "priority" and (operator in ORDERINGS or operator in ("=", "in")):
        return _priorities(operator, values)
    if operator not in ("=", "in", "intersects"):
        return None
    return _either([_value(field, value.text, find) for value in values])


def _value(field: str, text: str, find: Find) -> str | None:
    number = number_in(text)
    if isinstance(number, float) or (number is not None and str(number) != text):
        return None  # 0x10 also equals 16, and 1.5 also 1.50, which are other words
    if number is None and (letter := _NAMED.get(field)):
        return _named(letter, text, find)
    return _all_of(text) if field != "time" else None


def _named(letter: str, text: str, find: Find) -> str | None:
    if letter not in _ALSO_LISTS:
        return _marked(letter, find(text))
    if not text:
        return None  # an empty namespace gives way to another field's
    return _either([_marked(letter, find(text)), both([_marked(letter, find("")), _all_of(text)])])


def _marked(letter: str, id: int | None) -> str:
    return _NOTHING if id is None else f'"{MARK}{letter}{id}"'


def _all_of(text: str) -> str | None:
    """All words of a text, the longest where they are many; the last may be the beginning of one."""
    found = split(text)
    if text.endswith("*") and found:
        return both([*(f'"{word}"' for word in found[:-1]), f'"{found[-1]}" *'])
    chosen = sorted(set(found), key=len, reverse=True)[:_MOST_WORDS]
    return both([f'"{word}"' for word in chosen])


def _priorities(operator: str, values: Sequence[Value]) -> str | None:
    levels = [Priority.parse(value.text).level for value in values]
    compare = ORDERINGS.get(operator)
    met = [level for level in range(1, 9) if (compare(level, levels[0]) if compare else level in levels)]
    return _either([f'"{MARK}{LETTERS[0]}{level}"' for level in met]) or _NOTHING
