"""The Outputs page: how each stands, and what can be done with it."""

import time

from fastapi import APIRouter, Request
from fastapi.responses import Response

from sidekick.control.ports import Outputs, RefusedError
from sidekick.web.frame import Form, Frame, Said, text

WINDOWS = {"15 minutes": 900, "1 hour": 3600, "6 hours": 21_600, "24 hours": 86_400, "7 days": 604_800}
"""Stretches of time up to now that can be replayed, in seconds."""


def router(outputs: Outputs, frame: Frame) -> APIRouter:
    routes = APIRouter(include_in_schema=False)

    async def shown(request: Request, said: Said | None = None) -> Response:
        return frame.page(request, "outputs.html", said=said, outputs=await outputs.states(), windows=WINDOWS)

    @routes.get("/outputs")
    async def list_outputs(request: Request) -> Response:
        return await shown(request)

    @routes.post("/outputs/{name}")
    async def act(request: Request, name: str) -> Response:
        return await shown(request, await frame.act(request, lambda form, by: _act(outputs, name, form, by)))

    return routes


async def _act(outputs: Outputs, name: str, form: Form, by: str) -> str:
    match text(form, "do"):
        case "pause":
            await outputs.pause(name, by)
            return f"{name} is paused; its alerts wait in the journal."
        case "resume":
            await outputs.resume(name, by)
            return f"{name} delivers again."
        case "test":
            return await outputs.test(name, by)
        case "replay":
            window = WINDOWS.get(text(form, "window"))
            if window is None:
                raise RefusedError("Choose how far to go back.")
            return await outputs.replay(name, time.time() - window, by)
        case _:
            raise RefusedError("Nothing was asked for.")
