"""The Trail page: who did what."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from sidekick.control.ports import RefusedError, Trail
from sidekick.web.frame import Frame, Said


def router(trail: Trail, frame: Frame) -> APIRouter:
    routes = APIRouter(include_in_schema=False)

    @routes.get("/trail")
    async def list_trail(request: Request) -> Response:
        try:
            return frame.page(request, "trail.html", entries=await trail.entries())
        except RefusedError as error:
            return frame.page(request, "trail.html", entries=[], said=Said(str(error), bad=True))

    return routes
