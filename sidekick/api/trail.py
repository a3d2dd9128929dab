"""The trail: who did what."""

from typing import Annotated

from fastapi import APIRouter, Query

from sidekick.api.model import Model
from sidekick.control.ports import Trail


class Entry(Model):
    at: str
    """RFC 3339, UTC."""
    by: str
    action: str
    target: str
    detail: str


def router(trail: Trail) -> APIRouter:
    routes = APIRouter(tags=["trail"])

    @routes.get("/trail", response_model=list[Entry])
    async def list_trail(limit: Annotated[int, Query(ge=1, le=1000)] = 200) -> object:
        """The newest first."""
        return await trail.entries(limit)

    return routes
