"""What a destination will never take: kept, with the reason, until a person replays or drops it.

One file an output, in JSON lines: `{"id", "at", "reason", "event"}` adds a letter, `{"id", "gone"}` takes it away. So
the service and a command may both append, each line with one write, and neither rewrites what the other reads.
"""

import asyncio
import fcntl
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import msgspec

from sidekick.event import Event
from sidekick.sdk.file import append_lines


class DeadLetter(msgspec.Struct, frozen=True):
    """One alert that one output could not deliver. `at` is RFC 3339, UTC; `event` its canonical JSON."""

    id: str
    at: str
    reason: str
    event: msgspec.Raw

    def decoded(self) -> Event:
        return Event.from_json(bytes(self.event))


class _Line(msgspec.Struct):
    id: str
    at: str = ""
    reason: str = ""
    event: msgspec.Raw = msgspec.Raw()
    gone: Literal["", "replayed", "dropped"] = ""


_decode = msgspec.json.Decoder(_Line).decode
_encode = msgspec.json.encode


class DeadLetters:
    """The dead letters of one output, in a file of its own."""

    def __init__(self, folder: Path, output: str) -> None:
        self.path = folder / f"{output}.jsonl"

    async def add(self, event: Event, reason: str) -> None:
        """Returns when the letter is on disk; raises OSError."""
        letter = DeadLetter(
            event.uuid, datetime.now(UTC).isoformat(timespec="milliseconds"), reason, msgspec.Raw(event.json)
        )
        await asyncio.to_thread(append_lines, self.path, [_encode(letter)])

    def letters(self) -> dict[str, DeadLetter]:
        """What is there now, by id, oldest first."""
        found: dict[str, DeadLetter] = {}
        for line in self._lines():
            if line.gone:
                found.pop(line.id, None)
            else:
                found[line.id] = DeadLetter(line.id, line.at, line.reason, line.event)
        return found

    def remove(self, ids: Iterable[str], how: Literal["replayed", "dropped"]) -> None:
        append_lines(self.path, [_encode({"id": id, "gone": how}) for id in ids])
        if not self.letters():
            self._empty()

    def _lines(self) -> Iterable[_Line]:
        try:
            content = self.path.read_bytes()
        except FileNotFoundError:
            return
        for line in content.splitlines():
            try:
                yield _decode(line)
            except msgspec.DecodeError:  # a line cut by a crash: its alert is still before the cursor, and comes again
                continue

    def _empty(self) -> None:
        with self.path.open("r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            if not self.letters():
                file.truncate()
