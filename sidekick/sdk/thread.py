"""For libraries and files whose calls block: a thread of the output's own, so that nothing else waits with it."""

import asyncio
import errno
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from threading import Thread
from typing import Any, TypeVar

T = TypeVar("T")
_Call = tuple[Future[Any], Callable[[], Any]]


class OneThread:
    """Runs calls one after another. A call cannot be stopped: one that was given up ends before the next begins.

    No executor of the standard library, for the process could not end while one of its threads hangs.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._calls = SimpleQueue[_Call | None]()
        self._thread: Thread | None = None

    async def run(self, work: Callable[[], T]) -> T:
        """The call's result or exception; raises OSError where no thread can be begun."""
        if self._thread is None:
            self._calls = SimpleQueue[_Call | None]()
            self._thread = _started(self._name, self._calls)
        outcome = Future[T]()
        self._calls.put((outcome, work))
        return await asyncio.wrap_future(outcome)

    async def close(self, release: Callable[[], None]) -> None:
        """Calls `release` when all else has ended, and ends the thread; nothing happens if there is none.

        Given up, it leaves the thread to the next call: a place that hangs for a night holds one, not one a try.
        """
        if (thread := self._thread) is not None:
            calls = self._calls
            await self.run(release)
            self._thread = None
            calls.put(None)
            thread.join()


async def run_apart(name: str, work: Callable[[], T]) -> T:
    """One call in a thread that ends with it: for what is rare, and belongs to nobody who would close a `OneThread`."""
    calls = SimpleQueue[_Call | None]()
    outcome = Future[T]()
    for call in ((outcome, work), None):
        calls.put(call)
    thread = _started(name, calls)
    try:
        return await asyncio.wrap_future(outcome)
    finally:
        if outcome.done():  # else it was given up, and may hang for a night
            thread.join()


def _started(name: str, calls: SimpleQueue[_Call | None]) -> Thread:
    thread = Thread(target=_work, args=(calls,), name=name, daemon=True)
    try:
        thread.start()
    except RuntimeError as error:  # the host has no room for another, which is no defect of who wants it
        raise OSError(errno.EAGAIN, str(error)) from error
    return thread


def _work(calls: SimpleQueue[_Call | None]) -> None:
    while (call := calls.get()) is not None:
        outcome, work = call
        if not outcome.set_running_or_notify_cancel():
            continue
        try:
            outcome.set_result(work())
        except BaseException as error:  # noqa: BLE001  (it is the caller's)
            outcome.set_exception(error)
        del call, outcome, work  # or the last call's alerts would be kept until the next
