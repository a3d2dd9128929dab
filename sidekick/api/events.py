"""Events: a page of them, one with where it went, and those that come."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import AwareDatetime, TypeAdapter

from sidekick.api.alert import Alert, raw
from sidekick.api.model import Model
from sidekick.api.problem import MissingError, problems
from sidekick.api.question import EventsQuestion, Question
from sidekick.control import Service
from sidekick.event import Event
from sidekick.store import Stored
from sidekick.web.frame import staying


class Alerts(Model):
    """Newest first. Not `complete`: time ran out, and there may be more between the last one here and `next`'s."""

    events: list[Alert]
    next: int | None
    complete: bool


class Attempt(Model):
    at: AwareDatetime
    outcome: str
    answer: str
    times: int


class Delivery(Model):
    output: str
    status: str
    detail: str
    attempts: list[Attempt]


class Fate(Model):
    event: Alert
    deliveries: list[Delivery]


_deliveries = TypeAdapter(list[Delivery])
_LIVE: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}, "description": "An event as JSON a message"}
}


def router(service: Service) -> APIRouter:
    routes = APIRouter(tags=["events"])

    @routes.get("/events", response_model=Alerts)
    async def find_events(question: Annotated[EventsQuestion, Query()]) -> Response:
        """A page of events, newest first."""
        found = await service.reader.find(question.search())
        return raw(
            {"events": [_alert(event) for event in found.events], "next": found.next, "complete": found.complete}
        )

    @routes.get("/events/live", responses=_LIVE | problems(409), response_class=StreamingResponse)
    async def follow_events(request: Request, question: Annotated[Question, Query()]) -> StreamingResponse:
        """Server-sent events (WHATWG HTML, section 9.2), one an accepted event, while the login lasts."""
        arrivals = service.arrivals.follow(question.q, question.condition(), staying(service.access, request))
        return StreamingResponse(_messages(arrivals), media_type="text/event-stream")

    @routes.get("/events/{uuid}", response_model=Fate, responses=problems(404))
    async def show_event(uuid: str) -> Response:
        """One event, and where it stands with each output."""
        stored = await service.reader.one(uuid)
        if stored is None:
            raise MissingError(f"The store has no event {uuid[:100]}.")
        deliveries = _deliveries.validate_python(await service.outputs.deliveries(uuid), from_attributes=True)
        return raw({"event": _alert(stored), "deliveries": msgspec.Raw(_deliveries.dump_json(deliveries))})

    return routes


def _alert(stored: Stored) -> msgspec.Raw:
    return msgspec.Raw(stored.alert)


async def _messages(arrivals: AsyncGenerator[list[Event]]) -> AsyncGenerator[bytes]:
    yield b": from now on\n\n"
    async with aclosing(arrivals):
        async for events in arrivals:
            yield b"".join(b"data: %b\n\n" % event.json for event in events) or b":\n\n"
