"""Speaks to the daemon, one question at a time; a program that does so imports all it needs from here."""

import asyncio
import contextlib
from pathlib import Path

import msgspec

from bpf.networks import Networks
from bpf.protocol import LINE_LIMIT, Answer, Block, Outcome, Request, Stats, Wanted, decode_answer, encode
from bpf.target import MalformedError, Target

__all__ = [
    "Answer",
    "Block",
    "Client",
    "DaemonError",
    "MalformedError",
    "Networks",
    "Outcome",
    "RefusedError",
    "Stats",
    "Target",
    "Wanted",
]

TIMEOUT = 30.0


class DaemonError(RuntimeError):
    """No daemon answers; the request may or may not have been carried out."""


class RefusedError(RuntimeError):
    """The daemon answered that it cannot; `code` is `Answer.error`."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Client:
    """Connects at the first `ask`, and again at the next one after a failure."""

    def __init__(self, path: Path, timeout: float = TIMEOUT) -> None:
        self._path = path
        self._timeout = timeout
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._turn = asyncio.Lock()

    async def ask(self, request: Request) -> Answer:
        """Raises `DaemonError` (worth a retry) or `RefusedError`."""
        async with self._turn:
            try:
                async with asyncio.timeout(self._timeout):
                    answer = await self._exchange(request)
            except (OSError, TimeoutError, asyncio.IncompleteReadError, ValueError) as error:
                await self.close()
                raise DaemonError(
                    f"no answer from sidekick-xdp at {self._path}: {str(error) or 'timed out'}"
                ) from error
            except BaseException:
                # Cancelled between question and answer: the next question must not get this one's answer.
                await self.close()
                raise
        if answer.error:
            raise RefusedError(answer.error, answer.message)
        return answer

    async def close(self) -> None:
        if self._streams:
            _, writer = self._streams
            self._streams = None
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def _exchange(self, request: Request) -> Answer:
        if not self._streams:
            self._streams = await asyncio.open_unix_connection(self._path, limit=LINE_LIMIT * 4)
        reader, writer = self._streams
        writer.write(encode(request))
        await writer.drain()
        try:
            return decode_answer(await reader.readuntil(b"\n"))
        except (msgspec.DecodeError, asyncio.LimitOverrunError) as error:
            raise ValueError(f"not an answer: {error}") from error
