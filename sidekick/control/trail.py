"""Who did what: an append-only file of JSON lines, each on disk before the change that it tells of is made."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import msgspec

from sidekick.control.ports import RefusedError
from sidekick.sdk.file import append_lines, lines_backwards
from sidekick.sdk.thread import run_apart

T = TypeVar("T")


class Entry(msgspec.Struct, frozen=True):
    """`at` is RFC 3339, UTC; `action` such as `pause`; `target` what it was done to; `detail` may be empty."""

    at: str
    by: str
    action: str
    target: str
    detail: str = ""


_encode = msgspec.json.encode
_decode = msgspec.json.Decoder(Entry).decode


class Trail:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._turn = asyncio.Lock()

    async def note(self, by: str, action: str, target: str, detail: str = "") -> None:
        """Returns when the entry is on disk. Raises `RefusedError` where that cannot be: nothing is done untold."""
        entry = Entry(datetime.now(UTC).isoformat(timespec="milliseconds"), by, action, target, detail)
        try:
            await self._apart(lambda: append_lines(self._path, [_encode(entry)]))
        except OSError as error:
            reason = f"the trail of who did what cannot be written: {error.strerror}"
            raise RefusedError(f"Nothing was done, for {reason}.") from error

    async def entries(self, limit: int = 200) -> Sequence[Entry]:
        """The newest first. Raises `RefusedError`."""
        try:
            return await self._apart(lambda: self._newest(limit))
        except OSError as error:
            raise RefusedError(f"The trail cannot be read: {error.strerror}.") from error

    async def _apart(self, work: Callable[[], T]) -> T:
        async with self._turn:  # a disk that hangs holds one thread, and not one for each who asks
            return await run_apart("trail", work)

    def _newest(self, limit: int) -> list[Entry]:
        found: list[Entry] = []
        for line in lines_backwards(self._path):
            if len(found) == limit:
                break
            try:
                found.append(_decode(line))
            except (msgspec.DecodeError, UnicodeDecodeError):  # cut by a crash: what it told of was not done
                continue
        return found
