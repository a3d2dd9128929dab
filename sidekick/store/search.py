"""Events by words, filter and time, newest first, a page at a time."""

import json
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice

from sidekick.event import Event
from sidekick.filter import Filter
from sidekick.store import narrowing
from sidekick.store.words import own_text, uuid_bytes, uuid_word

_MOST_AT_ONCE = 500
"""Events read at once."""


@dataclass(frozen=True)
class Search:
    """What is looked for; times are µs since 1970, `since` included and `until` not."""

    words: str = ""
    """Each must be in the event, as a whole word, or as a beginning where an asterisk follows it."""
    condition: Filter | None = None
    since: int | None = None
    until: int | None = None
    before: int | None = None
    """Only what arrived before the event of this id: a page's `next`."""
    limit: int = 50


@dataclass(frozen=True)
class Stored:
    """An event as it is in the store; `stored` is when it came in, seconds since 1970, `alert` canonical JSON."""

    id: int
    stored: int
    alert: bytes


@dataclass(frozen=True)
class Page:
    """Some events, newest first. `next` is where the following page begins, None behind the last.

    `complete` is False where time ran out: there may be more between the last event here and `next`'s.
    """

    events: list[Stored]
    next: int | None
    complete: bool


def find(connection: sqlite3.Connection, search: Search, late: Callable[[], bool]) -> Page:
    """One page; looks no further once `late`, and says so."""
    bounds = _bounds(connection, search)
    if bounds is None:
        return Page([], None, complete=True)
    accepts = _predicate(search)
    events: list[Stored] = []
    reached = bounds[1]
    try:
        for id, event in _candidates(connection, search, bounds):
            if event is not None and accepts(event):
                events.append(event)
            reached = id
            if len(events) == search.limit:
                return Page(events, reached, complete=True)
            if late():
                return Page(events, reached, complete=False)
    except sqlite3.OperationalError:
        if not late():
            raise
        return Page(events, reached, complete=False)
    return Page(events, None, complete=True)


def one(connection: sqlite3.Connection, uuid: str) -> Stored | None:
    """The event of that id."""
    rows = connection.execute(
        "SELECT e.id, stored, alert FROM search s JOIN events e ON e.id = s.rowid WHERE search MATCH ? AND uuid = ?",
        (f'"{uuid_word(uuid)}"', uuid_bytes(uuid)),
    )
    row = rows.fetchone()
    return Stored(*row) if row else None


def _bounds(connection: sqlite3.Connection, search: Search) -> tuple[int, int] | None:
    """The ids between which the events of that time lie, the second not included; None where there is none."""
    first, last = connection.execute(
        "SELECT min(first), max(last) FROM minutes WHERE minute BETWEEN ? AND ?",
        (_minute(search.since, -(1 << 40)), _minute(search.until, 1 << 40)),
    ).fetchone()
    if first is None:
        return None
    return first, last + 1 if search.before is None else min(search.before, last + 1)


def _minute(time: int | None, otherwise: int) -> int:
    return otherwise if time is None else time // 60_000_000 * 60


def _candidates(
    connection: sqlite3.Connection, search: Search, bounds: tuple[int, int]
) -> Iterator[tuple[int, Stored | None]]:
    """The newest first, but read many at a time, in the order in which they lie on the disk: a seventh less time.

    After those of the right time among as many comes the id up to which was looked, as there may be none.
    """
    ids = _ids(connection, search, bounds)
    since = -(1 << 63) if search.since is None else search.since
    until = (1 << 63) - 1 if search.until is None else search.until
    size = min(search.limit, _MOST_AT_ONCE)
    while chunk := list(islice(ids, size)):
        rows = connection.execute(
            """SELECT id, stored, alert FROM events
            WHERE id IN (SELECT value FROM json_each(?)) AND time >= ? AND time < ? ORDER BY id""",
            (json.dumps(chunk), since, until),
        ).fetchall()
        yield from ((row[0], Stored(*row)) for row in reversed(rows))
        yield chunk[-1], None
        size = min(2 * size, _MOST_AT_ONCE)


def _ids(connection: sqlite3.Connection, search: Search, bounds: tuple[int, int]) -> Iterator[int]:
    """Of all that may be wanted, and seldom many more, the newest first."""
    query = _query(connection, search)
    if query is None:
        return iter(range(bounds[1] - 1, bounds[0] - 1, -1))
    found = connection.execute(
        "SELECT rowid FROM search WHERE search MATCH ? AND rowid >= ? AND rowid < ? ORDER BY rowid DESC",
        (query, *bounds),
    )
    return (id for (id,) in found)


def _query(connection: sqlite3.Connection, search: Search) -> str | None:
    def id_of(name: str) -> int | None:
        row = connection.execute("SELECT id FROM names WHERE name = ?", (name,)).fetchone()
        return row and row[0]

    condition = search.condition
    narrowed = narrowing.narrow(condition.expression, id_of) if condition else None
    return narrowing.both([narrowed, narrowing.words(search.words)])


def _predicate(search: Search) -> Callable[[Stored], bool]:
    """Whether a candidate is wanted: the index knows words, but neither their order nor what stands between them."""
    parts = [word.removesuffix("*").lower() for word in search.words.split()]
    condition = search.condition
    if not parts and condition is None:
        return lambda stored: True

    def accepts(stored: Stored) -> bool:
        event = Event.from_json(stored.alert)
        if condition is not None and not condition(event):
            return False
        if not parts:
            return True
        text = own_text(event)
        return all(part in text for part in parts)

    return accepts
