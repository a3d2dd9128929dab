"""Dead letters: what a destination refused for good, to be sent again as it is, or dropped."""

from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Query, Response
from pydantic import Field

from sidekick.api.alert import Alert, raw
from sidekick.api.model import Asked, Done, Model
from sidekick.api.problem import CHANGE, MissingError, problems
from sidekick.api.visitor import By
from sidekick.control.ports import Letters
from sidekick.delivery import DeadLetter


class Letter(Model):
    output: str
    id: str
    """Of the event."""
    at: str
    """RFC 3339, UTC."""
    reason: str
    event: Alert


class LetterList(Model):
    """Newest first; `total` is of all that were asked for."""

    letters: list[Letter]
    total: int


class Picked(Asked):
    output: Annotated[str, Field(max_length=200)]
    ids: Annotated[list[str], Field(min_length=1, max_length=1000)]


def router(letters: Letters) -> APIRouter:
    routes = APIRouter(prefix="/dead-letters", tags=["dead letters"])
    changing = CHANGE | problems(404)

    async def known(picked: Picked) -> None:
        if missing := set(picked.ids) - set(await letters.find(picked.output, picked.ids)):
            raise MissingError(f"{picked.output} has no dead letter {min(missing)}.")

    @routes.get("", response_model=LetterList)
    async def list_letters(output: str = "", limit: Annotated[int, Query(ge=1, le=1000)] = 200) -> Response:
        counts = await letters.counts()
        found = await letters.newest(output, limit)
        total = counts.get(output, 0) if output else sum(counts.values())
        return raw({"letters": [_shown(*pair) for pair in found], "total": total})

    @routes.get("/{output}/{id}", response_model=Letter, responses=problems(404))
    async def show_letter(output: str, id: str) -> Response:
        letter = (await letters.find(output, [id])).get(id)
        if letter is None:
            raise MissingError(f"{output} has no dead letter {id}.")
        return raw(_shown(output, letter))

    @routes.post("/replay", responses=changing)
    async def replay_letters(picked: Picked, by: By) -> Done:
        """Sends them again; what is taken now is a dead letter no more."""
        await known(picked)
        return Done(message=await letters.replay(picked.output, picked.ids, by))

    @routes.post("/drop", responses=changing)
    async def drop_letters(picked: Picked, by: By) -> Done:
        await known(picked)
        return Done(message=await letters.drop(picked.output, picked.ids, by))

    return routes


def _shown(output: str, letter: DeadLetter) -> dict[str, Any]:
    return {"output": output, **msgspec.structs.asdict(letter)}
