"""One process, one journal."""

import fcntl
import os
from contextlib import suppress
from pathlib import Path
from typing import Self


class JournalError(Exception):
    """A journal that cannot be opened: there is none, or another process holds it."""


class Lock:
    """Holds a journal's directory for this process, until `release` or the process's end, however that comes."""

    def __init__(self, fd: int) -> None:
        self._fd = fd

    @classmethod
    def take(cls, directory: Path) -> Self:
        """The lock; raises `JournalError` naming the process that has it, or OSError."""
        fd = os.open(directory / "lock", os.O_RDWR | os.O_CREAT, 0o640)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(fd, 20, 0).decode("ascii", "replace").strip() or "unknown"
            os.close(fd)
            raise JournalError(f"the journal {directory} is in use by process {holder}") from None
        with suppress(OSError):  # the number is only there to be shown, and the disk may be full
            os.ftruncate(fd, 0)
            os.pwrite(fd, f"{os.getpid()}\n".encode(), 0)
        return cls(fd)

    def release(self) -> None:
        os.close(self._fd)
