"""Processes for the store: in a thread its work would take turns with the loop that accepts alerts, some milliseconds
each time, and every sender would wait.
"""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor

from sidekick.store import priority


def process(begin: Callable[..., None], *args: object) -> ProcessPoolExecutor:
    """Begun when there is work for it; `begin(*args)` is called first in it.

    One alone, for of several CPython 3.11 forgets the one that begins while another is killed, and cannot end for it.
    """
    # Not forked: a copy of a process with threads may find a lock held for ever.
    spawn = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(1, spawn, _begin, (begin, args))


def _begin(begin: Callable[..., None], args: tuple[object, ...]) -> None:
    # The terminal's interrupt is for the service, which ends its processes itself.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    priority.lower()
    threading.Thread(target=_end_with_parent, daemon=True).start()
    begin(*args)


def _end_with_parent() -> None:
    """A pool's process that waits for work would not notice that nobody can give it any more."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
    os._exit(0)
