"""What a destination will never take: kept, with the reason, until a person replays or drops it.

One file an output, in JSON lines: `{"id", "at", "reason", "event"}` adds a letter, `{"id", "gone"}` takes it away. So
the service and a command may both append, each line with one write, and neither rewrites what the other reads.
"""

import asyncio
import fcntl
import os
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import msgspec

from sidekick.event import Event
from sidekick.sdk.file import append_lines, lines_backwards
from sidekick.sdk.thread import run_apart


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

    @property
    def letter(self) -> DeadLetter:
        return DeadLetter(self.id, self.at, self.reason, self.event)


_decode = msgspec.json.Decoder(_Line).decode
_encode = msgspec.json.encode
_AT = b'"at":"'
_BEGINNING = 64  # bytes, in which the first line's id stands


def _decoded(lines: Iterable[bytes]) -> Iterator[_Line]:
    for line in lines:
        try:
            yield _decode(line)
        # A line cut by a crash, whose alert is still before the cursor and comes again, or one of a damaged block.
        except (msgspec.DecodeError, UnicodeDecodeError):
            continue


@dataclass
class _Counted:
    """How far a file that begins so has been counted, in bytes, and the letters up to there."""

    beginning: bytes = b""
    end: int = 0
    letters: int = 0

    def add(self, content: bytes) -> None:
        if content.endswith(b"\n"):
            self.end += len(content)
            self.letters += sum(-1 if line.gone else 1 for line in _decoded([content]))


class DeadLetters:
    """The dead letters of one output, in a file of its own. A destination may refuse a million in a night, so nothing
    here but `letters` holds more than it was asked for."""

    def __init__(self, folder: Path, output: str) -> None:
        self.path = folder / f"{output}.jsonl"
        self._counted = _Counted()
        self._turn = asyncio.Lock()

    async def add(self, event: Event, reason: str) -> None:
        """Returns when the letter is on disk; raises OSError."""
        letter = DeadLetter(
            event.uuid, datetime.now(UTC).isoformat(timespec="milliseconds"), reason, msgspec.Raw(event.json)
        )
        async with self._turn:  # a disk that hangs holds one thread, and not one for each letter
            await run_apart("dead letters", lambda: append_lines(self.path, [_encode(letter)]))

    def letters(self) -> dict[str, DeadLetter]:
        """What is there now, by id, oldest first."""
        found: dict[str, DeadLetter] = {}
        for line in _decoded(self._forwards()):
            if line.gone:
                found.pop(line.id, None)
            else:
                found[line.id] = line.letter
        return found

    def newest(self, most: int) -> list[DeadLetter]:
        """At most so many, the newest first."""
        found: list[DeadLetter] = []
        settled: set[str] = set()
        for line in _decoded(lines_backwards(self.path)):
            if len(found) == most:
                break
            if line.id not in settled and not line.gone:
                found.append(line.letter)
            settled.add(line.id)
        return found

    def find(self, ids: Collection[str], since: str = "") -> dict[str, DeadLetter]:
        """Those of the letters that are there; looks no further back than to a letter of before `since`, as in `at`."""
        wanted = {b'{"id":' + _encode(id) + b"," for id in ids}
        before = _AT + since.encode()
        found: dict[str, DeadLetter] = {}
        for text in lines_backwards(self.path):
            id = text[: text.find(b",") + 1]
            at = text[len(id) : len(id) + len(before)]
            # A line that takes a letter away has `"gone"` there, a damaged one anything, and a cut one too little.
            if not wanted or (at.startswith(_AT) and len(at) == len(before) and at < before):
                break
            # The last line of an id says how it stands.
            for line in _decoded([text]) if id in wanted else ():
                wanted.discard(id)
                if not line.gone:
                    found[line.id] = line.letter
        return found

    def count(self) -> int:
        """How many there are; reads what has come since it was last asked. One that a crash had written twice counts
        twice."""
        with suppress(FileNotFoundError), self.path.open("rb") as file:
            beginning, size = file.read(_BEGINNING), file.seek(0, os.SEEK_END)
            if beginning != self._counted.beginning or size < self._counted.end:
                self._counted = _Counted(beginning)
            file.seek(self._counted.end)
            for line in file:
                self._counted.add(line)
        return max(0, self._counted.letters)

    def remove(self, ids: Iterable[str], how: Literal["replayed", "dropped"]) -> None:
        append_lines(self.path, [_encode({"id": id, "gone": how}) for id in ids])
        if not self.newest(1):
            self._empty()

    def _forwards(self) -> Iterator[bytes]:
        with suppress(FileNotFoundError), self.path.open("rb") as file:
            yield from file

    def _empty(self) -> None:
        with self.path.open("r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            if not self.newest(1):
                file.truncate()
