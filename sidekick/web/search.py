"""What the Events page shows, as its address says it: words, filter, facets and time, so that every view is a link."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from urllib.parse import urlencode

from sidekick.event import Priority
from sidekick.filter import Filter, FilterError, compile_filter
from sidekick.filter.operators import text_of
from sidekick.filter.syntax import And, Comparison, Expression, Or, Value
from sidekick.store import DIMENSIONS, Search

SPANS = {"15m": 900, "1h": 3600, "6h": 21_600, "24h": 86_400, "7d": 604_800, "30d": 2_592_000, "all": 0}
"""Stretches of time up to now, in seconds; 0 is all there is."""
DEFAULT_SPAN = "24h"
PAGE_EVENTS = 50
_LATEST = 253_402_300_799  # 9999-12-31: what a browser's clock may say is no reason for an error
_FIELDS = {
    "priority": ("priority",),
    "rule": ("rule",),
    "source": ("source",),
    "host": ("hostname",),
    "namespace": ("k8s.ns.name", "ka.target.namespace"),
    "image": ("container.image.repository",),
}


@dataclass(frozen=True)
class View:
    """`since` and `until` (seconds since 1970) take the place of `span` where a stretch was picked in the chart."""

    words: str = ""
    filter: str = ""
    span: str = DEFAULT_SPAN
    since: int | None = None
    until: int | None = None
    facets: Mapping[str, str] = field(default_factory=dict[str, str])
    before: int | None = None

    @classmethod
    def of(cls, query: Mapping[str, str]) -> "View":
        """From the query of an address; what makes no sense there is left out."""
        since, until = _number(query.get("from")), _number(query.get("to"))
        picked = since is not None and until is not None and since < until
        span = query.get("since", "")
        return cls(
            words=query.get("q", "").strip(),
            filter=query.get("filter", "").strip(),
            span=span if span in SPANS else DEFAULT_SPAN,
            since=since if picked else None,
            until=until if picked else None,
            facets={name: query[name] for name in DIMENSIONS if query.get(name) and _known(name, query[name])},
            before=_number(query.get("before")),
        )

    @property
    def query(self) -> dict[str, str]:
        """The other way round, without the place in the list."""
        found = {"q": self.words, "filter": self.filter, **self.facets}
        if self.since is not None:
            found |= {"from": str(self.since), "to": str(self.until)}
        elif self.span != DEFAULT_SPAN:
            found["since"] = self.span
        return {name: value for name, value in found.items() if value}

    @property
    def question(self) -> str:
        """The query of an address of the API that finds the same."""
        found = {"q": self.words, "filter": self.filter, **self.facets}
        if self.since is not None and self.until is not None:
            found |= {"since": _iso(self.since), "until": _iso(self.until)}
        elif SPANS[self.span]:
            found["since"] = self.span
        return urlencode({name: value for name, value in found.items() if value})

    @property
    def narrowed(self) -> bool:
        """Whether anything but time is asked for."""
        return bool(self.words or self.filter or self.facets)

    def link(self, **changes: str) -> str:
        """This view's address with some parameters changed, an empty one taken away."""
        query = {name: value for name, value in (self.query | changes).items() if value}
        return "/events" + (f"?{urlencode(query)}" if query else "")

    def with_span(self, span: str) -> "View":
        return replace(self, span=span, since=None, until=None)

    def stretch(self, extent: tuple[int, int] | None) -> tuple[int, int]:
        """Seconds since 1970 that are shown; `extent` is what the store has."""
        if self.since is not None and self.until is not None:
            return self.since, self.until
        now = int(time.time()) + 1
        first, last = extent or (now - 3600, now)
        if not SPANS[self.span]:
            return first, max(last, first + 60)
        return now - SPANS[self.span], max(now, last) if last < now + 86_400 else now

    def search(self, limit: int = PAGE_EVENTS) -> Search:
        """The question to the store. Raises `FilterError`, of the filter as it was typed."""
        since, until = self.since, self.until
        if since is None and SPANS[self.span]:
            since = int(time.time()) - SPANS[self.span]
        return Search(
            words=self.words,
            condition=self.condition(),
            since=since and since * 1_000_000,
            until=until and until * 1_000_000,
            before=self.before,
            limit=limit,
        )

    def condition(self, more: Sequence[str] = ()) -> Filter | None:
        """Filter, facets and `more` filters as one. Raises `FilterError`, of the filter as it was typed."""
        parts = [compile_filter(text).expression for text in (self.filter, *more) if text]
        parts += [_either(_FIELDS[name], value) for name, value in self.facets.items()]
        return compile_filter(str(And(tuple(parts)))) if parts else None


def equals(name: str, value: object) -> str:
    """The filter that a field has exactly that value; empty where filters cannot name the field."""
    text = str(Comparison(name, "=", (Value(text_of(value)),)))
    try:
        compile_filter(text)
    except FilterError:
        return ""
    return text


def _either(names: tuple[str, ...], value: str) -> Expression:
    tests = tuple(Comparison(name, "=", (Value(value),)) for name in names)
    return tests[0] if len(tests) == 1 else Or(tests)


def _known(name: str, value: str) -> bool:
    if name != "priority":
        return True
    return value in {priority.value for priority in Priority}


def _iso(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")


def _number(text: str | None) -> int | None:
    return min(int(text), _LATEST) if text and text.isascii() and text.isdigit() and len(text) < 19 else None
