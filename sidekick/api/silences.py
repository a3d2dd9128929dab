"""Silences: what nobody is told for a while, and why."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter
from pydantic import AfterValidator, AwareDatetime, BeforeValidator, Field

from sidekick.api.model import Asked, Done, Model
from sidekick.api.problem import CHANGE, MissingError, problems
from sidekick.api.visitor import By
from sidekick.control.ports import Silencing
from sidekick.filter import compile_filter
from sidekick.pipeline import SilenceSettings


def _text(value: object) -> object:
    """Refuses numbers, whose unit nobody knows."""
    if not isinstance(value, str):
        raise ValueError("write an RFC 3339 time")  # noqa: TRY004  (pydantic takes no TypeError)
    return value


def _coming(until: datetime) -> datetime:
    try:
        until = until.astimezone(UTC)
    except OverflowError:
        raise ValueError("this is too far away") from None
    if until <= datetime.now(UTC):
        raise ValueError("this is past already")
    return until


class Silence(Model):
    id: str
    """`configured-N` stands in the configuration, and ends there."""
    filter: str
    until: AwareDatetime
    author: str
    reason: str


class NewSilence(Asked):
    filter: Annotated[str, Field(min_length=1, max_length=10_000)]
    """A condition in Falco's syntax; alerts that meet it are silenced."""
    until: Annotated[AwareDatetime, BeforeValidator(_text), AfterValidator(_coming)]
    reason: Annotated[str, Field(min_length=1, max_length=500)]


def router(silencing: Silencing) -> APIRouter:
    routes = APIRouter(prefix="/silences", tags=["silences"])

    @routes.get("", response_model=list[Silence])
    async def list_silences() -> object:
        """Those in force."""
        return silencing.active()

    @routes.post("", response_model=Silence, status_code=201, responses=CHANGE)
    async def add_silence(new: NewSilence, by: By) -> object:
        compile_filter(new.filter)
        return await silencing.add(SilenceSettings(filter=new.filter, until=new.until, author=by, reason=new.reason))

    @routes.delete("/{id}", responses=CHANGE | problems(404))
    async def end_silence(id: str, by: By) -> Done:
        if id not in {silence.id for silence in silencing.active()}:
            raise MissingError(f"There is no silence {id}.")
        await silencing.remove(id, by)
        return Done(message="The silence has ended.")

    return routes
