"""Group commit: all that is appended in one turn of the event loop is written, and made durable, at once."""

import asyncio
import errno
import os
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial

from sidekick.journal.cursor import Committed
from sidekick.journal.log import Log
from sidekick.journal.record import Record
from sidekick.journal.sync import Syncer
from sidekick.journal.tail import Tail

Done = Callable[[OSError | None], None]
Group = list[tuple[Sequence[bytes], Done]]


class GroupCommit:
    """Writes groups, one after the other; with a syncer, a group is committed once that has made it durable.

    While `busy`, the end of the log may still be taken back.
    """

    def __init__(self, log: Log, tail: Tail, committed: Committed, syncer: Syncer | None) -> None:
        self.error: OSError | None = None
        """Why nothing can be written, from the first failure until somebody has looked and takes it back."""
        self._log = log
        self._tail = tail
        self._committed = committed
        self._syncer = syncer
        self._gathered: Group = []
        self.busy = False
        self._drained: asyncio.Future[None] | None = None

    def append(self, payloads: Sequence[bytes], done: Done) -> None:
        """Adds to the group that is being gathered; `done` is called when that is committed, or could not be."""
        self._gathered.append((payloads, done))
        if not self.busy:
            self._begin()

    def _begin(self) -> None:
        self.busy = True
        asyncio.get_running_loop().call_soon(self._write)

    def _write(self) -> None:
        group, self._gathered = self._gathered, []
        last_error = self._syncer.last_error if self._syncer else None
        try:
            records = self._log.append([payload for payloads, _ in group for payload in payloads], time.time_ns())
        except OSError as error:
            self._settle(group, error)
            return
        except MemoryError:  # else neither this group nor any after it would be answered
            self._settle(group, OSError(errno.ENOMEM, os.strerror(errno.ENOMEM)))
            return
        if self._syncer:
            self._syncer.sync_since(last_error).add_done_callback(partial(self._synced, group, records))
        else:
            self._commit(group, records)

    def _synced(self, group: Group, records: Sequence[Record], synced: asyncio.Future[None]) -> None:
        error = synced.exception()
        if error is None:
            self._commit(group, records)
            return
        # The kernel may have dropped what it could not write, so only this group's answer tells the truth now.
        with suppress(OSError):
            self._log.undo(records)
        self._settle(group, error if isinstance(error, OSError) else OSError(errno.EIO, f"no sync: {error!r}"))

    def _commit(self, group: Group, records: Sequence[Record]) -> None:
        self._tail.extend(records)
        self._committed.advance(self._log.next_seq)
        self._settle(group, None)

    def _settle(self, group: Group, error: OSError | None) -> None:
        self.error = error or self.error
        self.busy = False
        if self._gathered:
            self._begin()
        for _, done in group:
            try:
                done(error)
            except Exception as defect:  # noqa: BLE001  (one sender's defect must not leave its neighbours unanswered)
                message = "a callback of the journal failed"
                asyncio.get_running_loop().call_exception_handler({"message": message, "exception": defect})
        if self._drained and not self._drained.done() and not self.busy:
            self._drained.set_result(None)

    async def drain(self) -> None:
        """Returns when nothing is left to commit."""
        if self.busy:
            self._drained = asyncio.get_running_loop().create_future()
            await self._drained
