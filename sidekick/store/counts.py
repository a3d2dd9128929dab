"""How many events there were: over time, and by rule, host and so on. Read off the rolled-up counts, never the events.

`counts` holds them by everything at once, each minute, hour and day; `totals` by one dimension at a time, each hour,
and each minute by priority alone. A stretch of time is counted exactly, to the minute: its whole days, and the hours
and minutes at its ends.
"""

import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from sidekick.event import Event, Priority
from sidekick.filter.operators import text_of

MINUTE, HOUR, DAY = 60, 3600, 86_400
SPANS = (DAY, HOUR, MINUTE)
"""How `counts` are rolled up, in seconds."""
DIMENSIONS = ("priority", "rule", "source", "host", "namespace", "image")
"""What events are counted by, in the order of the table's columns."""
_BY_MINUTE = 8 * HOUR
"""The longest stretch of which `counts` are read by the minute: some hundred thousand rows of a busy cluster."""
_PRIORITIES = {priority.level: priority.value for priority in Priority}
_STEPS = (60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400)


def labels(event: Event) -> tuple[str, ...]:
    """What it is counted by, in the order of `DIMENSIONS`; empty where it has none."""
    fields = event.fields
    namespace = _name(fields.get("k8s.ns.name") or fields.get("ka.target.namespace"))
    image = _name(fields.get("container.image.repository"))
    return event.priority.value, event.rule, event.source, event.hostname, namespace, image


def _name(value: object) -> str:
    return "" if value is None or isinstance(value, list | dict) else text_of(value)


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


class Piece(NamedTuple):
    """Rows of one span, in seconds, that start in a stretch of time, the second not included, s since 1970."""

    span: int
    since: int
    until: int


class Source(NamedTuple):
    """Where something is counted: the column that has its names, a table with a condition, and that one's values."""

    column: str
    rows: str
    values: Sequence[int]


def extent(connection: sqlite3.Connection) -> tuple[int, int] | None:
    """The first minute that has events, and the end of the last (s since 1970)."""
    first, last = connection.execute("SELECT min(minute), max(minute) FROM minutes").fetchone()
    return None if first is None else (first, last + MINUTE)


def histogram(
    connection: sqlite3.Connection, since: int, until: int, wanted: Mapping[str, str], bars: int = 120
) -> Histogram:
    """At most about `bars` bars; `wanted` names what events are counted, by dimension."""
    by_minute = wanted.keys() <= {"priority"} or until - since <= _BY_MINUTE
    least = max(MINUTE if by_minute else HOUR, -(-(until - since) // bars))
    step = next((step for step in _STEPS if step >= least), -(-least // DAY) * DAY)
    piece = Piece(HOUR if step % HOUR == 0 else MINUTE, since // step * step, -(-until // step) * step)
    # One dimension at most: any of the totals will do, and the priorities' are the fewest.
    source = _source(connection, piece, next(iter(wanted), "priority"), wanted)
    start = f"(start - {piece.since}) / {step} * {step} + {piece.since}"
    found = [
        Bar(at, _PRIORITIES[level], events) for at, level, events in _sums(connection, (start, "priority"), source)
    ]
    return Histogram(piece.since, piece.until, step, found)


def top(
    connection: sqlite3.Connection, dimension: str, since: int, until: int, wanted: Mapping[str, str], limit: int = 10
) -> list[Tally]:
    """The most frequent first. Raises KeyError for what nothing is counted by."""
    spans = (HOUR, MINUTE) if _is_totalled(HOUR, dimension, wanted) else SPANS
    events: Counter[int] = Counter()
    for piece in _pieces(since // MINUTE * MINUTE, -(-until // MINUTE) * MINUTE, spans):
        source = _source(connection, piece, dimension, wanted)
        events.update(dict(_sums(connection, (source.column,), source)))
    name = _PRIORITIES.__getitem__ if dimension == "priority" else _namer(connection)
    most = sorted(events.items(), key=lambda item: (-item[1], item[0]))[:limit]
    return [Tally(name(id), count) for id, count in most]


def _pieces(since: int, until: int, spans: Sequence[int]) -> Iterator[Piece]:
    """Covers that stretch by the longest of the spans where it can; the shortest divides both ends."""
    span, *shorter = spans
    first, last = -(-since // span) * span, until // span * span
    if first >= last:
        if shorter and since < until:
            yield from _pieces(since, until, shorter)
        return
    if shorter:
        yield from _pieces(since, first, shorter)
    yield Piece(span, first, last)
    if shorter:
        yield from _pieces(last, until, shorter)


def _is_totalled(span: int, dimension: str, wanted: Mapping[str, str]) -> bool:
    kept = span == HOUR or (span == MINUTE and dimension == "priority")
    return kept and wanted.keys() <= {dimension, "priority"}


def _sums(connection: sqlite3.Connection, columns: Sequence[str], source: Source) -> list[Any]:
    """What is in the columns, and the number of events that have it there."""
    places = ", ".join(str(place + 1) for place in range(len(columns)))
    return connection.execute(
        f"SELECT {', '.join(columns)}, sum(count) FROM {source.rows} GROUP BY {places}",  # noqa: S608
        source.values,
    ).fetchall()


def _source(connection: sqlite3.Connection, piece: Piece, dimension: str, wanted: Mapping[str, str]) -> Source:
    """What counts by `dimension` what is `wanted`."""
    index = _index(dimension)
    columns: dict[str, str]
    if _is_totalled(piece.span, dimension, wanted):
        rows, columns = f"totals WHERE dimension = {index}", {"priority": "priority", dimension: "name"}
    else:
        rows, columns = "counts WHERE 1", {name: name for name in DIMENSIONS}
    rows += " AND span = ? AND start >= ? AND start < ?" + "".join(f" AND {columns[name]} = ?" for name in wanted)
    return Source(columns[dimension], rows, [*piece, *(_number(connection, *item) for item in wanted.items())])


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
