"""The dead letters of all outputs."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from threading import Lock
from typing import Literal

from sidekick.control.ports import RefusedError
from sidekick.control.sending import Sendings
from sidekick.control.trail import Trail
from sidekick.delivery import DeadLetter, DeadLetters, Worker, taken


class Boxes:
    """The files in `folder`, those of outputs that are no longer configured among them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._boxes: dict[str, DeadLetters] = {}
        self._lock = Lock()  # several threads ask

    @property
    def names(self) -> list[str]:
        return sorted(path.stem for path in self._folder.glob("*.jsonl"))

    def box(self, name: str) -> DeadLetters:
        """Of a name that came from `names` or the configuration, for it becomes part of a path."""
        return self._boxes.setdefault(name, DeadLetters(self._folder, name))

    def counts(self) -> dict[str, int]:
        """How many letters there are, by output; those without any are left out."""
        with self._lock:
            counts = {name: self.box(name).count() for name in self.names}
        return {name: count for name, count in counts.items() if count}

    def newest(self, output: str, most: int) -> list[tuple[str, DeadLetter]]:
        names = [name for name in self.counts() if output in ("", name)]
        found = [(name, letter) for name in names for letter in self.box(name).newest(most)]
        return sorted(found, key=lambda pair: pair[1].at, reverse=True)[:most]

    def find(self, output: str, ids: Collection[str]) -> dict[str, DeadLetter]:
        return self.box(output).find(ids) if output in self.counts() else {}

    def reasons(self, id: str, since: datetime) -> dict[str, str]:
        """Why the outputs did not take that alert, which is no older, by output."""
        at = since.isoformat(timespec="milliseconds")
        found = {name: self.box(name).find([id], at).get(id) for name in self.counts()}
        return {name: letter.reason for name, letter in found.items() if letter}


class Letters:
    def __init__(self, boxes: Boxes, workers: Mapping[str, Worker], sendings: Sendings, trail: Trail) -> None:
        self._boxes = boxes
        self._workers = workers
        self._sendings = sendings
        self._trail = trail

    async def counts(self) -> Mapping[str, int]:
        return await asyncio.to_thread(self._boxes.counts)

    async def newest(self, output: str, most: int) -> Sequence[tuple[str, DeadLetter]]:
        return await asyncio.to_thread(self._boxes.newest, output, most)

    async def find(self, output: str, ids: Collection[str]) -> Mapping[str, DeadLetter]:
        return await asyncio.to_thread(self._boxes.find, output, ids)

    async def replay(self, output: str, ids: Sequence[str], by: str) -> str:
        worker = self._workers.get(output)
        if worker is None:
            raise RefusedError(f"{output} is not on, so nothing can be sent to it.")
        if worker.paused:
            raise RefusedError(f"{output} is paused: resume it first.")
        with self._sendings.turn(output):
            letters = await self._picked(output, ids)
            await self._trail.note(by, "replay dead letters", output, " ".join(letter.id for letter in letters))
            sending = await self._sendings.once(output, [bytes(letter.event) for letter in letters])
            refused = sending.refusals.reasons
            gone = taken([letter.id for letter in letters], sending.cursor.done, refused)
            if gone:
                await self._remove(output, gone, "replayed")
        if len(gone) == len(letters):
            return f"{output}: {len(gone)} replayed."
        reason = next(iter(refused.values()), sending.worker.last_error)
        raise RefusedError(f"{output}: {len(gone)} of {len(letters)} replayed; the rest stays here: {reason}")

    async def drop(self, output: str, ids: Sequence[str], by: str) -> str:
        letters = await self._picked(output, ids)
        await self._trail.note(by, "drop dead letters", output, " ".join(letter.id for letter in letters))
        await self._remove(output, [letter.id for letter in letters], "dropped")
        return f"{output}: {len(letters)} dropped."

    async def _picked(self, output: str, ids: Sequence[str]) -> list[DeadLetter]:
        """Those of the letters that are still there."""
        found = await self.find(output, ids)
        letters = [found[id] for id in dict.fromkeys(ids) if id in found]
        if not letters:
            raise RefusedError("None of these letters is there any more.")
        return letters

    async def _remove(self, output: str, ids: Sequence[str], how: Literal["replayed", "dropped"]) -> None:
        try:
            await asyncio.to_thread(self._boxes.box(output).remove, ids, how)
        except OSError as error:
            raise RefusedError(f"{output}: {len(ids)} {how}, but still listed here: {error.strerror}") from error
