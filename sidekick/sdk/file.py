"""Files of ours that a crash or a full disk leaves readable: replaced as a whole, or added to line by line."""

import errno
import fcntl
import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

_BLOCK = 1 << 20


def replace_file(path: Path, content: bytes) -> None:
    """Replaces the file as a whole, so that a crash leaves the old one or the new one; its folder is made if need be.

    Raises OSError, and the old one is as it was then.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_suffix(".new")
    with open(new, "wb", opener=private) as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)


def private(name: str, flags: int) -> int:
    """An `open` of files that only we read: alerts may tell of secrets."""
    return os.open(name, flags, 0o600)


def append_lines(path: Path, lines: Sequence[bytes]) -> None:
    """Adds lines with one write, and returns when they are on disk; see `append`."""
    append(path, b"".join(line + b"\n" for line in lines))


def append(path: Path, lines: bytes, *, mode: int = 0o600, sync: bool = True) -> None:
    """Adds whole lines, all or none, behind what a crash cut short; other processes may do the same to the file.

    Its folder is made if need be. Raises OSError. Without `sync` a power cut can cost what was added last.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, mode)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        size = os.fstat(handle).st_size
        cut = size > 0 and os.pread(handle, 1, size - 1) != b"\n"
        try:
            if added := b"\n" + lines if cut else lines:
                _write(handle, added, sync=sync)
        except OSError:
            with suppress(OSError):
                os.ftruncate(handle, size)  # they will be written again
            raise
    finally:
        os.close(handle)


def _write(handle: int, data: bytes, *, sync: bool) -> None:
    if os.write(handle, data) < len(data):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    if sync:
        os.fdatasync(handle)


def lines_backwards(path: Path) -> Iterator[bytes]:
    """The lines of a file from the last to the first, without empty ones; none where there is no file."""
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return
    with file:
        position, rest = file.seek(0, os.SEEK_END), b""
        while position:
            start = max(0, position - _BLOCK)
            file.seek(start)
            rest, *lines = (file.read(position - start) + rest).split(b"\n")
            yield from filter(None, reversed(lines))
            position = start
        if rest:
            yield rest
