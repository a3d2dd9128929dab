"""The Events pages: the list with its chart and facets, and one event."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from sidekick.control.ports import Service
from sidekick.event import Event
from sidekick.filter import FilterError, compile_filter
from sidekick.store import DIMENSIONS, Bar, Histogram, Page, Reader, Search, StoreError, Tally, labels
from sidekick.web import snippet
from sidekick.web.blocks import sources
from sidekick.web.chart import Chart, chart
from sidekick.web.frame import Frame
from sidekick.web.search import SPANS, View, equals

_NEAR = 300
"""Seconds before and after an event in which its page looks for the same rule."""
_LONGEST_LINK = 1000
_NOTHING = Page([], None, complete=True)


@dataclass(frozen=True)
class Overview:
    """What stands around the list: from the store's counts, which know nothing of words and filters, or `exact`."""

    chart: Chart
    facets: Mapping[str, list[Tally]]
    empty: bool
    """The store has nothing at all."""
    exact: bool
    """It counts the events of the list, all of which are there."""


def router(service: Service, frame: Frame) -> APIRouter:
    routes = APIRouter(include_in_schema=False)
    reader = service.reader

    @routes.get("/events")
    async def list_events(request: Request) -> Response:
        if not reader.kept:
            return frame.page(request, "no_store.html")
        view = View.of(request.query_params)
        page, problem = await _find(reader, view)
        events = _events(page)
        whole = page.complete and page.next is None and view.before is None and not problem
        overview, failure = await _overview(reader, view, events if whole and (view.words or view.filter) else None)
        return frame.page(
            request,
            "events.html",
            view=view,
            spans=SPANS,
            events=events,
            found=page,
            problem=problem,
            overview=overview,
            failure=failure,
            curl=snippet.curl(f"{request.base_url}api/events?{view.question}"),
        )

    @routes.get("/events/{uuid}")
    async def one_event(request: Request, uuid: str) -> Response:
        try:
            stored = await reader.one(uuid)
            if stored is None:
                return frame.page(request, "missing.html", status=404, what="event", id=uuid)
            event = Event.from_json(stored.alert)
            return frame.page(request, "event.html", event=event, **await _around(service, request, event))
        except StoreError as error:
            return frame.page(request, "unavailable.html", status=503, problem=error)

    return routes


def _events(page: Page) -> list[Event]:
    return [Event.from_json(stored.alert) for stored in page.events]


async def _find(reader: Reader, view: View) -> tuple[Page, FilterError | StoreError | None]:
    try:
        return await reader.find(view.search()), None
    except (FilterError, StoreError) as error:
        return _NOTHING, error


async def _overview(
    reader: Reader, view: View, found: Sequence[Event] | None
) -> tuple[Overview | None, StoreError | None]:
    """Of the events that were found where they are given, else of all of that time."""
    try:
        extent = await reader.extent()
        since, until = view.stretch(extent)
        if found is not None:
            histogram = await reader.histogram(since, until, {})
            return Overview(chart(_refilled(histogram, found)), _tallied(found), extent is None, exact=True), None
        histogram, tops = await asyncio.gather(
            reader.histogram(since, until, view.facets),
            asyncio.gather(*(reader.top(name, since, until, _others(view, name)) for name in DIMENSIONS)),
        )
        facets: dict[str, list[Tally]] = dict(zip(DIMENSIONS, map(_named, tops), strict=True))
    except StoreError as error:
        return None, error
    return Overview(chart(histogram), facets, extent is None, exact=False), None


def _refilled(histogram: Histogram, events: Sequence[Event]) -> Histogram:
    """The same bars, with those events in them."""
    seconds = ((event.timestamp_ns // 10**9 - histogram.since, event.priority.value) for event in events)
    counts = Counter((second // histogram.step * histogram.step, priority) for second, priority in seconds)
    bars = [Bar(histogram.since + start, priority, count) for (start, priority), count in counts.items()]
    return replace(histogram, bars=bars)


def _tallied(events: Sequence[Event]) -> dict[str, list[Tally]]:
    columns = zip(*map(labels, events), strict=True) if events else [()] * len(DIMENSIONS)
    counts = zip(DIMENSIONS, map(Counter, columns), strict=True)
    return {name: _named([Tally(*item) for item in count.most_common(10)]) for name, count in counts}


def _named(tallies: list[Tally]) -> list[Tally]:
    """Without the events that have no namespace, image and so on, which no filter asks for."""
    return [tally for tally in tallies if tally.name]


def _others(view: View, name: str) -> dict[str, str]:
    """A facet counts all its values, whichever of them is picked."""
    return {facet: value for facet, value in view.facets.items() if facet != name}


async def _around(service: Service, request: Request, event: Event) -> dict[str, Any]:
    same_rule = equals("rule", event.rule)
    silence = [same_rule, *(equals(name, event.fields[name]) for name in snippet.telling(event))]
    near, deliveries = await asyncio.gather(
        _near(service.reader, event, same_rule), service.outputs.deliveries(event.uuid)
    )
    return {
        "fields": [(name, value, _findable(name, value)) for name, value in sorted(event.fields.items())],
        "near": near,
        "deliveries": deliveries,
        "sources": sources(event) if service.blocks else [],
        "curl": snippet.curl(f"{request.base_url}api/events/{event.uuid}"),
        "exception": snippet.exception(event),
        "silence": " and ".join(silence),
    }


def _findable(name: str, value: object) -> str:
    """The filter that finds the events with that value, empty where none does or it would make no link."""
    found = "" if value is None or isinstance(value, list | dict) else equals(name, value)
    return found if len(found) < _LONGEST_LINK else ""


async def _near(reader: Reader, event: Event, same_rule: str) -> list[Event]:
    """Events of the same rule at about the same time, newest first."""
    at = event.timestamp_ns // 1000
    span = _NEAR * 1_000_000
    wanted = Search(condition=compile_filter(same_rule), since=at - span, until=at + span, limit=21)
    try:
        found = await reader.find(wanted)
    except StoreError:
        return []
    return [other for other in _events(found) if other.uuid != event.uuid]
