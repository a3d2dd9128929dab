"""Alerts counted by labels, whose values the senders choose: bounded in number and in length."""

import re
from collections.abc import Callable, Mapping
from typing import Self

from sidekick.event import Event
from sidekick.sdk.labels import text_of

Value = str | tuple[str, ...]
_LONGEST_VALUE = 256  # characters; each series holds its own
_OTHER = "other"


class Series:
    """One counter with labels: a dictionary, for that is what counts at least cost.

    `counts` has a number for each set of values that was met, in the order of `labels`. After `most` sets a new one is
    counted where every value is `other`.
    """

    def __init__(self, labels: Mapping[str, Callable[[Event], Value]], most: int) -> None:
        self.labels = dict(sorted(labels.items()))
        self.most = most
        self.counts: dict[tuple[Value, ...], int] = {}
        self._values = tuple(self.labels.values())

    def count(self, event: Event) -> None:
        values = tuple([value(event) for value in self._values])
        known = self.counts.get(values)
        if known is None:
            values = self._admitted(values)
            known = self.counts.get(values, 0)
        self.counts[values] = known + 1

    def _admitted(self, values: tuple[Value, ...]) -> tuple[Value, ...]:
        """The labels under which a set that is not kept yet is counted: cut, or `other` where there is no room."""
        values = tuple(map(_cut, values))
        if values not in self.counts and len(self.counts) >= self.most:
            return (_OTHER,) * len(values)
        return values

    def copy(self) -> Self:
        """The same counts, to be counted on without changing these."""
        other = type(self)(self.labels, self.most)
        other.counts = self.counts.copy()
        return other


def _cut(value: Value) -> Value:
    if isinstance(value, str):
        return value[:_LONGEST_VALUE]
    return tuple(item[:_LONGEST_VALUE] for item in value[:_LONGEST_VALUE])


def label_name(field: str) -> str:
    """The field's name as a label's: what is no letter, digit or `_` becomes `_` (Prometheus data model)."""
    name = re.sub(r"[^a-zA-Z0-9_]", "_", field)
    return name if name[:1].isalpha() else f"_{name.lstrip('_')}"


def field_label(field: str) -> Callable[[Event], str]:
    """The field's text as a label's value; empty where the field is no text."""
    return lambda event: text_of(event, field)
