"""The dead letters of all outputs."""

import asyncio
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

from sidekick.control.ports import RefusedError
from sidekick.control.sending import Sendings
from sidekick.control.trail import Trail
from sidekick.delivery import DeadLetter, DeadLetters, Worker


class Boxes:
    """The files in `folder`, those of outputs that are no longer configured among them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._counts: dict[str, tuple[tuple[int, int], int]] = {}

    @property
    def names(self) -> list[str]:
        return sorted(path.stem for path in self._folder.glob("*.jsonl"))

    def box(self, name: str) -> DeadLetters:
        return DeadLetters(self._folder, name)

    def counts(self) -> dict[str, int]:
        """How many letters there are, by output; a file is read only where it has changed."""
        return {name: self._count(name) for name in self.names}

    def reasons(self, id: str) -> dict[str, str]:
        """Why the outputs did not take that alert, by output."""
        found = {name: self.box(name).letters().get(id) for name, count in self.counts().items() if count}
        return {name: letter.reason for name, letter in found.items() if letter}

    def _count(self, name: str) -> int:
        box = self.box(name)
        state = os.stat(box.path)
        mark = (state.st_mtime_ns, state.st_size)
        known = self._counts.get(name)
        if known is None or known[0] != mark:
            known = self._counts[name] = mark, len(box.letters())
        return known[1]


class Letters:
    def __init__(self, boxes: Boxes, workers: Mapping[str, Worker], sendings: Sendings, trail: Trail) -> None:
        self._boxes = boxes
        self._workers = workers
        self._sendings = sendings
        self._trail = trail

    async def letters(self) -> Sequence[tuple[str, DeadLetter]]:
        return await asyncio.to_thread(self._all)

    def _all(self) -> list[tuple[str, DeadLetter]]:
        names = [name for name, count in self._boxes.counts().items() if count]
        found = [(name, letter) for name in names for letter in self._boxes.box(name).letters().values()]
        return sorted(found, key=lambda pair: pair[1].at, reverse=True)

    async def replay(self, output: str, ids: Sequence[str], by: str) -> str:
        if output not in self._workers:
            raise RefusedError(f"{output} is not on, so nothing can be sent to it.")
        with self._sendings.turn(output):
            letters = await self._picked(output, ids)
            await self._trail.note(by, "replay dead letters", output, " ".join(letter.id for letter in letters))
            sending = await self._sendings.once(output, [bytes(letter.event) for letter in letters])
            refused = sending.refusals.reasons
            taken = [letter.id for letter in letters[: sending.done] if letter.id not in refused]
            if taken:
                await self._remove(output, taken, "replayed")
        if len(taken) == len(letters):
            return f"{output}: {len(taken)} replayed."
        reason = next(iter(refused.values()), sending.worker.last_error)
        raise RefusedError(f"{output}: {len(taken)} of {len(letters)} replayed; the rest stays here: {reason}")

    async def drop(self, output: str, ids: Sequence[str], by: str) -> str:
        letters = await self._picked(output, ids)
        await self._trail.note(by, "drop dead letters", output, " ".join(letter.id for letter in letters))
        await self._remove(output, [letter.id for letter in letters], "dropped")
        return f"{output}: {len(letters)} dropped."

    async def _picked(self, output: str, ids: Sequence[str]) -> list[DeadLetter]:
        """Those of the letters that are still there; never a file that is none of ours."""
        found: dict[str, DeadLetter] = {}
        if output in await asyncio.to_thread(lambda: self._boxes.names):
            found = await asyncio.to_thread(self._boxes.box(output).letters)
        letters = [found[id] for id in dict.fromkeys(ids) if id in found]
        if not letters:
            raise RefusedError("None of these letters is there any more.")
        return letters

    async def _remove(self, output: str, ids: Sequence[str], how: Literal["replayed", "dropped"]) -> None:
        try:
            await asyncio.to_thread(self._boxes.box(output).remove, ids, how)
        except OSError as error:
            raise RefusedError(f"{output}: {len(ids)} {how}, but still listed here: {error.strerror}") from error
