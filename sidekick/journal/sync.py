"""The one thread beside the event loop: fdatasync, and the removal of files."""

import asyncio
import errno
import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from sidekick.journal.log import Log

log = logging.getLogger(__name__)


class Syncer:
    """Makes a log durable, one sync at a time, and keeps count of it."""

    def __init__(self, log: Log) -> None:
        self.syncs = 0
        self.seconds = 0.0
        self.failures = 0
        self.failing = False
        self.last_error: OSError | None = None
        """Of any sync, from the moment on at which it failed."""
        self._log = log
        self._thread = ThreadPoolExecutor(1, "journal")

    def start(self) -> None:
        """Has the thread begun now, for a group whose sync nobody does would leave all after it without an answer.

        Raises OSError where there is no room for a thread.
        """
        try:
            self._thread.submit(int)
        except RuntimeError as error:
            raise OSError(errno.EAGAIN, str(error)) from error

    def sync(self) -> asyncio.Future[None]:
        """Makes durable what is written by now; the future gets the OSError if that fails."""
        return self._begin(self._log.syncing())

    def sync_since(self, last_error: OSError | None) -> asyncio.Future[None]:
        """Fails too if any sync has since that `last_error`, as it was before the writing: Linux tells but one of them
        of what it could not write."""
        sync = self._log.syncing()

        def sync_all() -> None:
            sync()
            if self.last_error and self.last_error is not last_error:
                raise self.last_error

        return self._begin(sync_all)

    def _begin(self, sync: Callable[[], None]) -> asyncio.Future[None]:
        future = self.run(self._timed(sync))
        future.add_done_callback(self._synced)
        return future

    def run(self, job: Callable[[], None]) -> asyncio.Future[None]:
        """Runs a job after those before it."""
        return asyncio.get_running_loop().run_in_executor(self._thread, job)

    def _timed(self, sync: Callable[[], None]) -> Callable[[], None]:
        def timed() -> None:
            start = time.perf_counter()
            try:
                sync()
            except OSError as error:
                self.last_error = error
                raise
            finally:
                self.seconds += time.perf_counter() - start
                self.syncs += 1

        return timed

    def _synced(self, future: asyncio.Future[None]) -> None:
        error = None if future.cancelled() else future.exception()
        if error:
            self.failures += 1
            self._log.touch()
            if not self.failing:
                log.error("the journal cannot be made durable: %s", error)
        self.failing = error is not None

    def close(self) -> None:
        """Returns when every job is done."""
        self._thread.shutdown()
