"""Bodies that were no alert. Falco never sends one again, so the last ones are kept for a person to see.

They live in memory, bounded in number and bytes, and in a file of JSON lines that other processes read. The file is
appended to at most once a second, and written anew when it holds much more than memory does, so that a sender gone mad
neither fills a disk nor wears it out.
"""

import logging
import time
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from sidekick.sdk.file import append, private

logger = logging.getLogger(__name__)
KEPT = 16 << 10
"""Bytes that are kept of one body."""


class Refused(msgspec.Struct, frozen=True):
    """One refused body. `body` holds its beginning, `length` is that of the whole; `time` is Unix time."""

    time: float
    peer: str
    reason: str
    length: int
    body: bytes

    @property
    def stored_bytes(self) -> int:
        return len(self.body) + 200


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Refused).decode


class RefusedLog:
    """The last `count` refused bodies, at most `size` bytes of them, each cut to `cut`; `counts` has all, by reason."""

    def __init__(self, path: Path | None = None, *, count: int = 1000, size: int = 2 << 20, cut: int = KEPT) -> None:
        self.counts: Counter[str] = Counter()
        self.entries: deque[Refused] = deque()
        self._path, self._count, self._size, self._cut = path, count, size, cut
        self._bytes = 0
        self._unsaved = 0
        self._appendable = False
        """The file ends in a whole line of ours, and is not yet to be written anew."""
        self._failing = False
        try:
            for entry in read(path) if path else ():
                self._keep(entry)
        except OSError as error:
            logger.warning("%s cannot be read, so the bodies in it are not shown: %s", path, error.strerror)

    def add(self, reason: str, body: bytes | bytearray, peer: str) -> None:
        """Counts the refusal and keeps its body, if it has any."""
        self.counts[reason] += 1
        if body:
            self._keep(Refused(time.time(), peer, reason, len(body), bytes(body[: self._cut])))
            self._unsaved = min(self._unsaved + 1, len(self.entries))

    def _keep(self, entry: Refused) -> None:
        self.entries.append(entry)
        self._bytes += entry.stored_bytes
        while len(self.entries) > self._count or self._bytes > self._size:
            self._bytes -= self.entries.popleft().stored_bytes

    def flush(self) -> None:
        """Brings the file up to date. A disk that refuses is tried again at the next call, and complained of once."""
        if self._path is None or not self._unsaved:
            return
        try:
            self._save(self._path)
        except OSError as error:
            if not self._failing:
                logger.warning("cannot write refused bodies to %s: %s", self._path, error.strerror)
            self._failing = True
            self._appendable = False  # a line may be torn

    def _save(self, path: Path) -> None:
        if self._appendable:
            append(path, _lines(list(self.entries)[-self._unsaved :]), sync=False)
        else:
            fresh = path.with_suffix(".new")
            with open(fresh, "wb", opener=private) as file:
                file.write(_lines(self.entries))
            fresh.replace(path)
        self._appendable = path.stat().st_size < 4 * self._size
        self._unsaved = 0
        self._failing = False


def _lines(entries: Iterable[Refused]) -> bytes:
    return b"".join(_encode(entry) + b"\n" for entry in entries)


def read(path: Path) -> Iterator[Refused]:
    """The refused bodies in a file, oldest first, perhaps more than a log keeps; a line cut by a crash is left out.

    None where there is no file; raises OSError where it cannot be read.
    """
    try:
        lines = path.read_bytes().splitlines()
    except FileNotFoundError:
        return
    for line in lines:
        try:
            yield _decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError):
            continue
