"""Bodies that were no alert. Falco never sends one again, so the last ones are kept for a person to see.

They live in memory, bounded in number and bytes, and in a file of JSON lines that other processes read. The file is
appended to at most once a second and written anew once it has grown to twice its bound, so that a sender gone mad
cannot wear out a disk.
"""

import logging
import time
from collections import Counter, deque
from collections.abc import Iterator
from pathlib import Path

import msgspec

logger = logging.getLogger(__name__)


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

    def __init__(
        self, path: Path | None = None, *, count: int = 1000, size: int = 2 << 20, cut: int = 16 << 10
    ) -> None:
        self.counts: Counter[str] = Counter()
        self.entries: deque[Refused] = deque()
        self._path, self._count, self._size, self._cut = path, count, size, cut
        self._bytes = 0
        self._unsaved: int = 0
        self._written = 0
        if path is not None:
            for entry in read(path):
                self._keep(entry)
            self._written = path.stat().st_size if path.exists() else 0

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
        """Brings the file up to date. A disk that refuses is tried again at the next call."""
        if self._path is None or not self._unsaved:
            return
        try:
            self._save(self._path)
        except OSError as error:
            logger.warning("cannot write refused bodies to %s: %s", self._path, error.strerror)

    def _save(self, path: Path) -> None:
        if self._written > 4 * self._size or not path.exists():
            fresh = path.with_suffix(".new")
            fresh.write_bytes(b"".join(_encode(entry) + b"\n" for entry in self.entries))
            fresh.replace(path)
        else:
            with path.open("ab") as file:
                file.write(b"".join(_encode(entry) + b"\n" for entry in list(self.entries)[-self._unsaved :]))
        self._written = path.stat().st_size
        self._unsaved = 0


def read(path: Path) -> Iterator[Refused]:
    """The refused bodies in a file, oldest first; a line cut by a crash is passed over. No file, no bodies."""
    try:
        lines = path.read_bytes().splitlines()
    except FileNotFoundError:
        return
    for line in lines:
        try:
            yield _decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError):
            continue
