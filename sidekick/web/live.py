"""New events as they come, as rows of the list, in server-sent events (WHATWG HTML, section 9.2)."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

from fastapi import APIRouter, Request
from fastapi.responses import Response, StreamingResponse

from sidekick.control.ports import RefusedError, Service
from sidekick.event import Event
from sidekick.filter import FilterError
from sidekick.web.frame import staying
from sidekick.web.page import HEADERS, fragment
from sidekick.web.search import View

_MOST_ROWS = 200
"""Of one batch that are shown: a storm of alerts must not choke the browser, and the list is there to be searched."""


def router(service: Service) -> APIRouter:
    routes = APIRouter(include_in_schema=False)

    @routes.get("/events/live")
    async def follow(request: Request) -> Response:
        view = View.of(request.query_params)
        try:
            condition = view.condition()
        except FilterError:  # the page that has the button says what is wrong with it
            return Response(status_code=400)
        try:
            events = service.arrivals.follow(view.words, condition, staying(service.access, request))
        except RefusedError as error:  # a script cannot read the answer of an event source that is an error
            refusal = f"event: refused\ndata: {error}\n\n"
            return Response(refusal, media_type="text/event-stream", headers=HEADERS)
        return StreamingResponse(_messages(events), media_type="text/event-stream", headers=HEADERS)

    return routes


async def _messages(arrivals: AsyncGenerator[list[Event]]) -> AsyncGenerator[str]:
    yield "retry: 2000\n\n"
    async with aclosing(arrivals):
        async for events in arrivals:
            yield _rows(events) if events else ":\n\n"


def _rows(events: Sequence[Event]) -> str:
    html = fragment("_rows.html", events=list(reversed(events[-_MOST_ROWS:])))
    lines = "".join(f"data: {line}\n" for line in html.splitlines() if line.strip())
    return f"event: rows\n{lines}\n"
