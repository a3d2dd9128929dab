"""Refused bodies: what was sent to the receiver and was no alert."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import AwareDatetime

from sidekick.api.model import Model
from sidekick.control.ports import Refused


class RefusedBody(Model):
    time: AwareDatetime
    peer: str
    reason: str
    length: int
    """Bytes of the whole."""
    body: str
    """Its beginning; what is no UTF-8 is replaced."""


def router(refused: Refused) -> APIRouter:
    routes = APIRouter(tags=["refused bodies"])

    @routes.get("/refused", response_model=list[RefusedBody])
    async def list_refused(limit: Annotated[int, Query(ge=1, le=1000)] = 100) -> object:
        """The newest first."""
        return [
            {name: getattr(entry, name) for name in ("time", "peer", "reason", "length")}
            | {"body": entry.body.decode("utf-8", "replace")}
            for entry in list(refused.entries)[: -limit - 1 : -1]
        ]

    return routes
