"""The tables, and how a file of an older version becomes one of this.

An event's `id` is its place in the order of arrival, which is also the order of the full-text index: so a page of the
newest matches is read off the end of the index, whatever is searched. `time` is µs since 1970, `stored`, `minute` and
`start` are seconds. `names` holds each rule, host and so on once. `search` keeps no positions, and no text of its own:
`words.text` makes it anew when an event is removed.
"""

import sqlite3
from pathlib import Path

# One script a version, never changed once released; the number of those applied is the file's `user_version`.
MIGRATIONS = (
    """
    CREATE TABLE names (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
    CREATE TABLE events (
        id INTEGER PRIMARY KEY, time INTEGER NOT NULL, uuid BLOB NOT NULL, stored INTEGER NOT NULL,
        priority INTEGER NOT NULL, rule INTEGER NOT NULL, source INTEGER NOT NULL, host INTEGER NOT NULL,
        namespace INTEGER NOT NULL, image INTEGER NOT NULL, alert BLOB NOT NULL
    );
    -- The time comes first so that new entries lie together at the index's end; a uuid alone would scatter them.
    CREATE UNIQUE INDEX once ON events (time, uuid);
    CREATE VIRTUAL TABLE search USING fts5 (words, content='', detail=none, columnsize=0, tokenize='ascii');
    CREATE TABLE minutes (minute INTEGER PRIMARY KEY, first INTEGER NOT NULL, last INTEGER NOT NULL);
    CREATE TABLE counts (
        span INTEGER, start INTEGER, priority INTEGER, rule INTEGER, source INTEGER, host INTEGER, namespace INTEGER,
        image INTEGER, count INTEGER NOT NULL,
        PRIMARY KEY (span, start, priority, rule, source, host, namespace, image)
    ) WITHOUT ROWID;
    -- One dimension at a time: a hundredth of the rows, for the questions asked most.
    CREATE TABLE totals (
        dimension INTEGER, span INTEGER, start INTEGER, name INTEGER, priority INTEGER, count INTEGER NOT NULL,
        PRIMARY KEY (dimension, span, start, name, priority)
    ) WITHOUT ROWID;
    """,
)
_PAGE = 8192
_CACHE = 8 << 20
_BUSY = 10.0


class StoreError(Exception):
    """The file cannot be used; the message says why, in one line."""


def mark_of(path: Path) -> tuple[int, int] | None:
    """What tells a file from another that takes its place while the first is open; None where there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def open_to_write(path: Path) -> sqlite3.Connection:
    """The file, made if need be and brought to this version. Raises `StoreError`, sqlite3.Error, OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(0o640)
    connection = sqlite3.connect(path, timeout=_BUSY, isolation_level=None, check_same_thread=False)
    try:
        _set_up(connection)
        migrate(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _set_up(connection: sqlite3.Connection) -> None:
    # Before anything is written: page size and vacuum mode cannot be changed afterwards.
    for pragma in (
        f"page_size = {_PAGE}",
        "auto_vacuum = INCREMENTAL",
        "journal_mode = WAL",
        # Each commit reaches the disk, for the journal's cursor passes what is committed.
        "synchronous = FULL",
        f"cache_size = -{_CACHE >> 10}",
        f"journal_size_limit = {_CACHE}",
        "secure_delete = OFF",
        "temp_store = MEMORY",
    ):
        connection.execute(f"PRAGMA {pragma}")


def migrate(connection: sqlite3.Connection) -> None:
    """Brings the tables to this version, all or nothing. Raises `StoreError` for a file of a newer one."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > len(MIGRATIONS):
        raise StoreError(f"the store is of version {version}, and this sidekick knows none above {len(MIGRATIONS)}")
    for number, script in enumerate(MIGRATIONS[version:], version + 1):
        connection.executescript(f"BEGIN IMMEDIATE; {script} PRAGMA user_version = {number}; COMMIT;")


def open_to_read(path: Path) -> sqlite3.Connection:
    """The file for queries alone. Raises `StoreError` where there is none yet, or of another version."""
    if not path.exists():
        raise StoreError(f"there is no store at {path}")
    try:
        address = f"{path.absolute().as_uri()}?mode=ro"
        connection = sqlite3.connect(address, uri=True, timeout=_BUSY, check_same_thread=False)
        connection.execute(f"PRAGMA cache_size = -{_CACHE >> 10}")
        (version,) = connection.execute("PRAGMA user_version").fetchone()
    except sqlite3.Error as error:
        raise StoreError(f"the store at {path} cannot be read: {error}") from error
    if version != len(MIGRATIONS):
        connection.close()
        raise StoreError(f"the store at {path} is of version {version}, and this sidekick reads {len(MIGRATIONS)}")
    return connection
