"""A file of JSON lines, one alert a line, rotated by size."""

import errno
import itertools
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from pydantic import Field

from sidekick.sdk import (
    BatchLimits,
    Context,
    Event,
    Flag,
    MisconfiguredError,
    Output,
    OutputSettings,
    RetryableError,
    Size,
    Text,
)
from sidekick.sdk.body import json_lines
from sidekick.sdk.thread import OneThread

# What only a person can mend; a full disk empties, and the write is tried again.
_WRONG_PLACE = {errno.EACCES, errno.EPERM, errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.EROFS, errno.ELOOP}


class FileSettings(OutputSettings):
    """Keys of `file`."""

    path: Text = ""
    """The file; its folder is made if need be."""
    rotate: Size = 100_000_000
    """Size at which the file becomes `path.1`, `path.1` becomes `path.2`, and so on; 0: it grows for ever."""
    keep: int = Field(default=5, ge=0)
    """Rotated files kept."""
    fsync: Flag = False
    """Count an alert as delivered only when the disk has it, so that a power cut loses none."""


class File(Output[FileSettings]):
    Settings = FileSettings
    title = "File"
    category = "logs"
    arrives = "A line of the file: the alert's JSON."
    requires = ("path",)
    example = {"path": "/var/log/falco/events.jsonl"}
    limits = BatchLimits(count=1000)

    def __init__(self, settings: FileSettings, context: Context) -> None:
        super().__init__(settings, context)
        self._path = Path(settings.path)
        self._descriptor = -1
        self._thread = OneThread("file")

    async def connect(self) -> None:
        await self.close()
        await self._run(self._open)

    async def send(self, events: Sequence[Event]) -> None:
        await self._run(lambda: self._append(json_lines(events)))

    async def close(self) -> None:
        await self._thread.close(self._release)

    async def _run(self, work: Callable[[], None]) -> None:
        try:
            await self._thread.run(work)
        except OSError as error:
            kind = MisconfiguredError if error.errno in _WRONG_PLACE else RetryableError
            raise kind(f"cannot write {self._path}: {error.strerror}") from None

    def _open(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._descriptor = os.open(self._path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)
        self._end_torn_line()

    def _end_torn_line(self) -> None:
        """After a power cut the last line may be half there; what comes next must not be glued to it."""
        size = os.fstat(self._descriptor).st_size
        if size and os.pread(self._descriptor, 1, size - 1) != b"\n":
            os.write(self._descriptor, b"\n")

    def _append(self, lines: bytes) -> None:
        if self._descriptor < 0:
            self._open()
        self._turn_over(len(lines))
        start = os.fstat(self._descriptor).st_size
        try:
            _write_all(self._descriptor, lines)
            if self.settings.fsync:
                os.fdatasync(self._descriptor)
        except OSError:
            with suppress(OSError):
                os.ftruncate(self._descriptor, start)  # the whole batch will be written again
            raise

    def _turn_over(self, more: int) -> None:
        """Opens a new file when this one is full, or when somebody (logrotate) has moved it away."""
        size = os.fstat(self._descriptor).st_size
        if self.settings.rotate and size and size + more > self.settings.rotate and self._is_in_place():
            self._rotate()
        if not self._is_in_place():
            self._release()
            self._open()

    def _is_in_place(self) -> bool:
        try:
            return os.path.samestat(self._path.stat(), os.fstat(self._descriptor))
        except FileNotFoundError:
            return False

    def _rotate(self) -> None:
        older = [self._path, *(Path(f"{self._path}.{number}") for number in range(1, self.settings.keep + 1))]
        for source, target in reversed(list(itertools.pairwise(older))):
            if source.exists():
                source.replace(target)
        if not self.settings.keep:
            self._path.unlink()

    def _release(self) -> None:
        if self._descriptor >= 0:
            descriptor, self._descriptor = self._descriptor, -1
            os.close(descriptor)


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
