"""Blocks: the sources whose packets this host drops."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import AwareDatetime, Field

from sidekick.api.model import Asked, Done, Model
from sidekick.api.problem import CHANGE, MissingError, UnavailableError, problems
from sidekick.api.visitor import By
from sidekick.control import RefusedError
from sidekick.control.ports import Blocks

_YEAR = 31_536_000
Target = Annotated[str, Field(min_length=1, max_length=100, examples=["203.0.113.7"])]


class Block(Model):
    target: str
    until: AwareDatetime
    since: AwareDatetime
    origin: str
    reason: str
    rule: str
    alert: str
    """Id of the event that it came of."""
    packets: int
    """Dropped since."""


class NewBlock(Asked):
    target: Target
    """An address, a network, or an address with a port."""
    seconds: Annotated[int, Field(ge=1, le=_YEAR)]
    reason: Annotated[str, Field(min_length=1, max_length=500)]
    alert: Annotated[str, Field(max_length=100)] = ""
    """Id of the event that it comes of."""


def router(blocks: Blocks | None) -> APIRouter:
    routes = APIRouter(prefix="/blocks", tags=["blocks"])
    changing = CHANGE | problems(404)

    def configured() -> Blocks:
        if blocks is None:
            raise MissingError("No source blocker is configured.")
        return blocks

    @routes.get("", response_model=list[Block], responses=problems(404))
    async def list_blocks() -> object:
        try:
            return await configured().list()
        except RefusedError as error:
            raise UnavailableError(str(error)) from error

    @routes.post("", responses=changing)
    async def block(new: NewBlock, by: By) -> Done:
        return Done(message=await configured().block(new.target, new.seconds, new.reason, new.alert, by))

    @routes.delete("", responses=changing)
    async def unblock(target: Annotated[Target, Query()], by: By) -> Done:
        return Done(message=await configured().unblock(target, by))

    return routes
