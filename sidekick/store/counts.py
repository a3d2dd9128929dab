"""How many events there were: over time, and by rule, host and so on. Read off the rolled-up counts, never the events.

Counts are kept by minute and by hour; a long stretch of time is counted by the hour, its ends rounded outwards.
"""

import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from sidekick.event import Priority

MINUTE, HOUR = 60, 3600
SPANS = (MINUTE, HOUR)
DIMENSIONS = ("priority", "rule", "source", "host", "namespace", "image")
"""What events are counted by, in the order of the table's columns."""
_LONG = 12 * HOUR
_PRIORITIES = {priority.level: priority.value for priority in Priority}
_STEPS = (60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400)


class Bar(NamedTuple):
    """Events of one priority in the seconds from `start` on."""

    start: int
    priority: str
    events: int


@dataclass(frozen=True)
class Histogram:
    """`step` seconds a bar, from `since` on and before `until` (seconds since 1970); bars of nothing are left out."""

    since: int
    until: int
    step: int
    bars: list[Bar]


class Tally(NamedTuple):
    """A rule, host and so on, and its number of events; events without any have an empty name."""

    name: str
    events: int


@dataclass(frozen=True)
class Stretch:
    """A stretch of time, `since` included and `until` not, s since 1970, counted in spans of `span` seconds."""

    since: int
    until: int
    span: int

    @classmethod
    def between(cls, since: int, until: int) -> "Stretch":
        span = HOUR if until - since > _LONG else MINUTE
        return cls(since // span * span, -(-until // span) * span, span)


def extent(connection: sqlite3.Connection) -> tuple[int, int] | None:
    """The first minute that has events, and the end of the last (s since 1970)."""
    first, last = connection.execute("SELECT min(minute), max(minute) FROM minutes").fetchone()
    return None if first is None else (first, last + MINUTE)


def histogram(
    connection: sqlite3.Connection, since: int, until: int, wanted: Mapping[str, str], bars: int = 120
) -> Histogram:
    """At most about `bars` bars; `wanted` names what events are counted, by dimension."""
    stretch = Stretch.between(since, until)
    step = next((s for s in _STEPS if s >= stretch.span and s * bars >= until - since), None)
    step = step or -(-(until - since) // (bars * HOUR)) * HOUR
    start = stretch.since // step * step
    # One dimension at most: any of the totals will do, and the priorities' are the fewest.
    source, values = _source(connection, stretch, next(iter(wanted), "priority"), wanted)
    rows = connection.execute(
        f"SELECT (start - ?) / ? * ? + ?, priority, sum(count) FROM {source} GROUP BY 1, 2",  # noqa: S608
        [start, step, step, start, *values],
    )
    found = [Bar(at, _PRIORITIES[priority], count) for at, priority, count in rows]
    return Histogram(start, start - (start - stretch.until) // step * step, step, found)


def top(
    connection: sqlite3.Connection, dimension: str, since: int, until: int, wanted: Mapping[str, str], limit: int = 10
) -> list[Tally]:
    """The most frequent first. Raises KeyError for what nothing is counted by."""
    source, values = _source(connection, Stretch.between(since, until), dimension, wanted)
    column = "name" if source.startswith("totals") else dimension
    rows = connection.execute(
        f"SELECT {column}, sum(count) FROM {source} GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT ?",  # noqa: S608
        [*values, limit],
    ).fetchall()
    name = _PRIORITIES.__getitem__ if dimension == "priority" else _namer(connection)
    return [Tally(name(id), count) for id, count in rows]


def _source(
    connection: sqlite3.Connection, stretch: Stretch, dimension: str, wanted: Mapping[str, str]
) -> tuple[str, list[int]]:
    """The table and condition that count by `dimension` what is `wanted`, and the condition's values."""
    numbers = {name: _number(connection, name, text) for name, text in wanted.items()}
    within = "start >= ? AND start < ?"
    if stretch.span == HOUR and numbers.keys() <= {dimension, "priority"}:
        source, first = f"totals WHERE dimension = ? AND {within}", _index(dimension)
        columns = {dimension: "name", "priority": "priority"}
    else:
        source, first = f"counts WHERE span = ? AND {within}", stretch.span
        columns = {name: name for name in numbers}
    source += "".join(f" AND {columns[name]} = ?" for name in numbers)
    return source, [first, stretch.since, stretch.until, *numbers.values()]


def _index(dimension: str) -> int:
    if dimension not in DIMENSIONS:
        raise KeyError(dimension)
    return DIMENSIONS.index(dimension)


def _namer(connection: sqlite3.Connection) -> Callable[[int], str]:
    def name(id: int) -> str:
        return connection.execute("SELECT name FROM names WHERE id = ?", (id,)).fetchone()[0]

    return name


def _number(connection: sqlite3.Connection, dimension: str, name: str) -> int:
    """What stands in the column for that name; -1, which nothing has, where no event has it."""
    if _index(dimension) == 0:
        return Priority.parse(name).level
    row = connection.execute("SELECT id FROM names WHERE name = ?", (name,)).fetchone()
    return row[0] if row else -1
