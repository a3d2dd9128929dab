"""A file of JSON lines, one alert a line, rotated by size."""

import errno
import itertools
from collections.abc import Sequence
from pathlib import Path

from pydantic import Field

from sidekick.sdk import BatchLimits, Event, Flag, MisconfiguredError, OutputSettings, RetryableError, Size, Text
from sidekick.sdk.blocking import BlockingOutput
from sidekick.sdk.body import json_lines
from sidekick.sdk.file import append

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


class File(BlockingOutput[FileSettings]):
    Settings = FileSettings
    title = "File"
    category = "logs"
    arrives = "A line of the file: the alert's JSON."
    requires = ("path",)
    example = {"path": "/var/log/falco/events.jsonl"}
    limits = BatchLimits(count=1000)

    def open(self) -> None:
        if Path(self.settings.path).is_fifo():
            raise MisconfiguredError(f"{self.settings.path} is a pipe, which forgets what nobody reads at once")
        self._append(b"")  # says at the start when the place is wrong

    def deliver(self, events: Sequence[Event]) -> dict[int, RetryableError]:
        self._append(json_lines(events))
        return {}

    def release(self) -> None:
        """Nothing is held: logrotate may move the file at any time."""

    def _append(self, lines: bytes) -> None:
        path = Path(self.settings.path)
        try:
            if self._is_full(path, len(lines)):
                _rotate(path, self.settings.keep)
            append(path, lines, mode=0o640, sync=self.settings.fsync)
        except OSError as error:
            kind = MisconfiguredError if error.errno in _WRONG_PLACE else RetryableError
            raise kind(f"cannot write {path}: {error.strerror}") from None

    def _is_full(self, path: Path, more: int) -> bool:
        size = path.stat().st_size if path.exists() else 0
        return size > 0 and 0 < self.settings.rotate < size + more


def _rotate(path: Path, keep: int) -> None:
    files = [path, *(Path(f"{path}.{number}") for number in range(1, keep + 1))]
    for source, target in reversed(list(itertools.pairwise(files))):
        if source.exists():
            source.replace(target)
    if not keep:
        path.unlink()
