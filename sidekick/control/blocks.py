"""Blocks, made and ended by people, through the daemon's socket."""

from collections.abc import Sequence
from pathlib import Path

from bpf.client import Answer, Client, DaemonError, MalformedError, Target, Wanted
from bpf.client import Block as BlockRequest
from bpf.client import RefusedError as DaemonRefusedError
from bpf.protocol import List, Request, Row, Unblock
from sidekick.control.ports import RefusedError
from sidekick.control.trail import Trail

_SHOWN = 1000


class Blocks:
    def __init__(self, socket: Path, trail: Trail) -> None:
        self._client = Client(socket, timeout=5)
        self._trail = trail

    async def list(self) -> Sequence[Row]:
        return (await self._ask(List(_SHOWN))).rows

    async def block(self, target: str, seconds: float, reason: str, alert: str, by: str) -> str:
        parsed = _target(target)
        await self._trail.note(by, "block", str(parsed), f"{seconds:.0f} s: {reason}")
        why = f"{reason} ({by})".strip()
        answer = await self._ask(BlockRequest([Wanted(str(parsed), seconds=seconds, reason=why, alert=alert)]))
        (outcome,) = answer.outcomes
        if outcome.refused:
            raise RefusedError(f"{outcome.target} is not blocked: {outcome.message}")
        return f"{outcome.target} is blocked."

    async def unblock(self, target: str, by: str) -> str:
        parsed = _target(target)
        await self._trail.note(by, "unblock", str(parsed))
        if not (await self._ask(Unblock([str(parsed)]))).ended:
            raise RefusedError(f"{parsed} was not blocked.")
        return f"{parsed} is no longer blocked."

    async def close(self) -> None:
        await self._client.close()

    async def _ask(self, request: Request) -> Answer:
        try:
            return await self._client.ask(request)
        except (DaemonError, DaemonRefusedError) as error:
            raise RefusedError(str(error)) from error


def _target(text: str) -> Target:
    try:
        return Target.parse(text)
    except MalformedError as error:
        raise RefusedError(str(error)) from None
