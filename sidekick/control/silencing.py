"""Silences, made and ended by people."""

import asyncio
from collections.abc import Sequence

from sidekick.control.ports import RefusedError
from sidekick.control.trail import Trail
from sidekick.pipeline import ConfiguredError, Silence, Silences, SilenceSettings


class Silencing:
    """`Silences` on paper: each change is noted in the trail, and written by a thread."""

    def __init__(self, silences: Silences, trail: Trail) -> None:
        self._silences = silences
        self._trail = trail
        self._turn = asyncio.Lock()

    def active(self) -> Sequence[Silence]:
        return self._silences.active()

    async def add(self, wanted: SilenceSettings) -> Silence:
        detail = f"until {wanted.until.isoformat()}: {wanted.reason}"
        await self._trail.note(wanted.author, "silence", wanted.filter, detail)
        async with self._turn:
            try:
                return await asyncio.to_thread(self._silences.add, wanted)
            except OSError as error:
                raise RefusedError(f"The silence cannot be kept: {error.strerror}.") from error

    async def remove(self, id: str, by: str) -> None:
        known = {silence.id: silence for silence in self.active()}.get(id)
        if known is None:
            raise RefusedError("There is no such silence any more.")
        await self._trail.note(by, "end silence", known.filter, id)
        async with self._turn:
            try:
                await asyncio.to_thread(self._silences.remove, id)
            except ConfiguredError:
                raise RefusedError("This silence stands in the configuration, and ends there.") from None
            except KeyError:
                raise RefusedError("There is no such silence any more.") from None
            except OSError as error:
                raise RefusedError(f"That cannot be kept: {error.strerror}.") from error
