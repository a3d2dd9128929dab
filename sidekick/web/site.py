"""Puts the pages into the application that serves port 2802."""

from fastapi import Depends, FastAPI, Request
from fastapi.responses import RedirectResponse, Response
from fastapi.staticfiles import StaticFiles

from sidekick.control.ports import Service
from sidekick.web import blocks, dead_letters, events, live, login, outputs, senders, silences, trail
from sidekick.web.frame import Frame, LoginNeededError
from sidekick.web.page import HERE


def install(app: FastAPI, service: Service) -> None:
    frame = Frame(service.access, service.intake, service.reload)
    for routes in (
        live.router(service),  # before `/events/{uuid}`, which would take it for an id
        events.router(service, frame),
        outputs.router(service.outputs, frame),
        dead_letters.router(service.letters, service.refused, frame),
        silences.router(service.silencing, frame),
        blocks.router(service.blocks, frame),
        senders.router(service.senders, frame),
        trail.router(service.trail, frame),
    ):
        # Before anything is looked up: a page that nobody may see costs nothing.
        app.include_router(routes, dependencies=[Depends(frame.visitor)])
    app.include_router(login.router(service.access))
    app.mount("/static", StaticFiles(directory=HERE / "static"))
    app.add_api_route("/", _start, include_in_schema=False)
    app.add_exception_handler(LoginNeededError, _to_login)


async def _start() -> Response:
    return RedirectResponse("/events", 307)


async def _to_login(request: Request, error: Exception) -> Response:
    assert isinstance(error, LoginNeededError)
    # A script would follow a redirect, and take the login page for what it asked for; of a stream, 204 is the end.
    if "HX-Request" in request.headers or request.headers.get("accept") == "text/event-stream":
        return Response(status_code=204, headers={"HX-Redirect": error.address})
    return RedirectResponse(error.address, 303)
