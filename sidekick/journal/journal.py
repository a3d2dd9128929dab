"""The durable log between accepting an alert and delivering it.

Everything happens in the event loop's thread, save fdatasync and the removal of files, which take milliseconds.
"""

import asyncio
import errno
import logging
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Literal, Self

from sidekick.journal.commit import Done, GroupCommit
from sidekick.journal.cursor import Committed, Cursor
from sidekick.journal.lock import Lock
from sidekick.journal.log import Log
from sidekick.journal.position import PositionFile, first_undone, position_path, positions
from sidekick.journal.record import MAX_PAYLOAD
from sidekick.journal.settings import JournalSettings
from sidekick.journal.sync import Syncer
from sidekick.journal.tail import Tail

log = logging.getLogger(__name__)
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
_PROBE = 64 << 10  # a disk that cannot take that many bytes is full
_SEGMENTS = 8  # least number of segments in the size and the age that are kept, for they are removed whole


class JournalFull(Exception):  # noqa: N818  (a state that passes, no error of the caller)
    """Nothing can be accepted now, because of the journal's limit or the disk; it passes by itself."""


class Journal:
    """Segment files, written in groups, read through cursors. Made by `open`, used between `start` and `close`."""

    def __init__(self, settings: JournalSettings, directory: Path, lock: Lock) -> None:
        self.settings = settings
        self.directory = directory
        self.dropped_oldest = 0
        self.cut_bytes = 0
        self._lock = lock
        self._log = Log(directory, min(settings.segment, settings.retention.size // _SEGMENTS), settings.fsync != "no")
        self._syncer = Syncer(self._log)
        self._cursors: dict[str, Cursor] = {}
        self._over_limit = False
        self._refusing = False
        self._failing = False
        self.failures = 0
        """Seconds whose work came to no end."""
        self.closed = False
        self._housekeeping: asyncio.Task[None] | None = None

    @classmethod
    def open(cls, settings: JournalSettings, directory: Path | None = None) -> Self:
        """The journal in that directory (`settings.path` if none), made when missing.

        Reads no more than the end of the last segment.

        Raises `JournalError` when another process holds it, OSError when the path is not usable, or the host
        has no room for a thread.
        """
        directory = directory or Path(settings.path)
        directory.mkdir(parents=True, exist_ok=True)
        journal = cls(settings, directory, Lock.take(directory))
        try:
            journal._recover()
        except OSError:
            journal._release()
            raise
        return journal

    def _recover(self) -> None:
        self._syncer.start()
        kept = positions(self.directory)
        self.cut_bytes = self._log.recover(first_undone(self.directory))
        if self.cut_bytes:
            log.warning("journal: cut %d bytes of a write that was never finished", self.cut_bytes)
        self._committed = Committed(self._log.next_seq)
        self._tail = Tail(self.settings.memory, self._log.next_seq)
        always = self._syncer if self.settings.fsync == "always" else None
        self._commits = GroupCommit(self._log, self._tail, self._committed, always)
        for name, position in kept.items():
            if position is None:
                log.warning("journal: the place of %s is damaged, it gets all that is kept again", name)
            self._add(name, max(position or 0, self.first_seq), durable=True)

    async def start(self) -> None:
        """Begins the work of each second: fdatasync, retention, looking whether a full disk has room again."""
        self._housekeeping = asyncio.create_task(self._keep_house(), name="journal")

    def append(self, payloads: Sequence[bytes], done: Done) -> None:
        """Keeps the payloads, in order and all or none; `done(None)` says that they are kept, `done(error)` that not.

        Raises `JournalFull` at once, and then `done` is not called; ValueError for a payload above `MAX_PAYLOAD`.
        """
        if self.closed or self._commits.error or self._log.bytes > self.settings.retention.size:
            self._admit()
        for payload in payloads:
            if len(payload) > MAX_PAYLOAD:
                raise ValueError(f"a payload of {len(payload)} bytes: the most is {MAX_PAYLOAD}")
        self._commits.append(payloads, done)

    def _admit(self) -> None:
        if self.closed:
            raise JournalFull("the journal is closed")
        self._keep_size()
        if obstacle := self.obstacle:
            raise JournalFull(obstacle)

    @property
    def obstacle(self) -> str:
        """Why nothing is taken now; empty while it is."""
        if error := self._commits.error:
            return f"the journal cannot be written: {error.strerror or error}"
        return f"the journal holds {self.bytes} bytes that are not delivered, its limit" if self._over_limit else ""

    def cursor(self, name: str, *, durable: bool = True, start: Literal["oldest", "newest"] = "newest") -> Cursor:
        """The cursor of that name, at its old place; a new one begins at `start`: with the next alert, by default."""
        cursor = self._cursors.get(name)
        if cursor and cursor.durable == durable:
            return cursor
        if cursor:
            self.forget(name)
        cursor = self._add(name, self.first_seq if start == "oldest" else self.next_seq, durable=durable)
        cursor.save()
        self._log.touch()
        return cursor

    def _add(self, name: str, position: int, *, durable: bool) -> Cursor:
        file = PositionFile.open(position_path(self.directory, name)) if durable else None
        self._cursors[name] = Cursor(name, position, self._log, self._tail, self._committed, file)
        return self._cursors[name]

    def forget(self, name: str) -> None:
        """Removes a cursor, so that it no longer keeps segments; nothing happens if there is none of that name."""
        if cursor := self._cursors.pop(name, None):
            cursor.remove()

    async def close(self) -> None:
        """Commits what is gathered, makes it durable, and lets another process have the journal."""
        if self.closed:
            return
        self.closed = True
        await self._commits.drain()
        if self._housekeeping:
            self._housekeeping.cancel()
            with suppress(asyncio.CancelledError):
                await self._housekeeping
        with suppress(OSError):
            await self._sync()
        self._release()

    def _release(self) -> None:
        self._syncer.close()
        for cursor in self._cursors.values():
            cursor.close()
        self._log.close()
        self._lock.release()

    async def _keep_house(self) -> None:
        while True:
            await asyncio.sleep(1)
            try:
                await self._keep_durable()
                self._keep_size()
                self._keep_age()
                self._keep_room()
            except Exception as error:  # whatever it is, the next second has its work too
                self.failures += 1
                if not self._failing:
                    defect = None if isinstance(error, OSError) else error
                    log.error("the journal cannot be looked after: %s", error, exc_info=defect)  # noqa: TRY400
                self._failing = True
            else:
                self._failing = False
            self._tell()

    async def _keep_durable(self) -> None:
        if not self._syncer.failing:
            try:
                await self._sync()
            except OSError as error:  # from here on the promise could not be kept, so nothing is taken
                self._commits.error = error
        if self._commits.error and not self._commits.busy:
            await self._recover_disk(self._commits.error)

    async def _sync(self) -> None:
        """Raises OSError, which the syncer has logged and counted."""
        if self._log.unsynced and self.settings.fsync != "no":
            # Never cancelled: the sync also closes the files that were left for a new segment.
            await asyncio.shield(self._syncer.sync())

    async def _recover_disk(self, error: OSError) -> None:
        """Makes room on a full disk from what is delivered, if there is any, and looks whether it can be written."""
        # Linux tells but once of what it could not write, so no more is written to a file whose sync has failed. And
        # where nothing waits, all that is in the way may be the last segment.
        if self._syncer.failing or all(cursor.waiting == 0 for cursor in self._durable):
            self._rotate()
        if self._log.closed and (error.errno in _NO_ROOM or self._passed()) and (removed := self._remove_oldest()):
            await removed
        try:
            self._log.probe(_PROBE)
            await self._sync()
        except OSError as still:
            self._commits.error = still
        else:
            self._commits.error = None

    def _tell(self) -> None:
        """Says once that alerts are refused, and once that they are taken again."""
        obstacle = self.obstacle
        if obstacle and not self._refusing:
            log.error("alerts are refused: %s", obstacle)
        elif self._refusing and not obstacle:
            log.info("alerts are taken again")
        self._refusing = bool(obstacle)

    def _keep_size(self) -> None:
        if self.bytes > self.settings.retention.size and not self._log.closed:
            self._rotate()  # one group is larger than the limit, and could not be removed while it is written to
        while self.bytes > self.settings.retention.size and self._remove_oldest():
            pass
        self._over_limit = self.bytes > self.settings.retention.size

    def _keep_age(self) -> None:
        age = int(self.settings.retention.age * 1e9)
        now = time.time_ns()
        if self._log.active and self._log.active.oldest_ns < now - age // _SEGMENTS:
            self._rotate()
        while self._log.closed and self._log.closed[0].newest_ns < now - age and self._passed():
            self._remove_oldest()

    def _rotate(self) -> None:
        if not self._commits.busy:
            self._log.rotate()

    def _keep_room(self) -> None:
        """Gives up a delivered segment before the disk is full: a write that fails costs alerts. One at a time, for
        another thread removes it."""
        if self._log.closed and self._log.free < 2 * self._log.segment_size and self._passed():
            self._remove_oldest()

    def _passed(self) -> bool:
        """Whether every durable cursor has passed the oldest closed segment."""
        end = self._log.end_of(self._log.closed[0])
        return all(cursor.position >= end for cursor in self._durable)

    def _remove_oldest(self) -> asyncio.Future[None] | None:
        """Removes the oldest closed segment if it may go; the result is done when its file is gone."""
        if not self._log.closed:
            return None
        if not self._passed():
            if self.settings.full == "reject":
                return None
            self._count_dropped()
        return self._syncer.run(self._log.remove_oldest())

    def _count_dropped(self) -> None:
        oldest = self._log.closed[0]
        read = min(cursor.reached for cursor in self._durable)
        self.dropped_oldest += max(0, self._log.end_of(oldest) - max(oldest.first, read))

    @property
    def _durable(self) -> list[Cursor]:
        return [cursor for cursor in self._cursors.values() if cursor.durable]

    @property
    def cursors(self) -> list[str]:
        """Names of all cursors, those included that a former process left and nobody has asked for."""
        return list(self._cursors)

    @property
    def bytes(self) -> int:
        """Size of all segments."""
        return self._log.bytes

    @property
    def segments(self) -> int:
        """Number of segment files."""
        return len(self._log.segments)

    @property
    def first_seq(self) -> int:
        """The lowest number that may be read."""
        return self._log.first_seq

    @property
    def next_seq(self) -> int:
        """The number of the next record to be committed."""
        return self._committed.next_seq

    @property
    def records(self) -> int:
        """Records kept, delivered or not."""
        return self.next_seq - self.first_seq

    @property
    def damaged(self) -> int:
        """Records that were to be read and could not, since the start."""
        return self._log.damaged

    @property
    def full(self) -> bool:
        """Whether alerts are refused now."""
        return bool(self.obstacle)

    @property
    def syncing(self) -> Syncer:
        """Counts and seconds of fdatasync."""
        return self._syncer
