"""Which events are asked for, in the query of an address."""

import math
import time
from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, Field

from sidekick.api.model import Asked
from sidekick.api.moment import Stretch
from sidekick.event import Priority
from sidekick.filter import Filter
from sidekick.store import Search
from sidekick.web.search import View, equals

_DAY = 86_400
_LONGEST_FILTER = 10_000
_EPOCH = datetime.fromtimestamp(0, UTC)
_LARGEST_ID = (1 << 63) - 1


def _named(field: str) -> str:
    name, equal, value = field.partition("=")
    if not (name and equal and equals(name, value)):
        raise ValueError("write NAME=VALUE, such as proc.name=bash")
    return field


Exactly = Annotated[str, Field(max_length=_LONGEST_FILTER), AfterValidator(_named)]


class Dimensions(Asked):
    """What events are counted by."""

    priority: Priority | None = None
    rule: str = ""
    source: str = ""
    host: str = ""
    namespace: str = ""
    """Of Kubernetes."""
    image: str = ""
    """Repository of the container's image."""

    @property
    def wanted(self) -> dict[str, str]:
        found = {name: getattr(self, name) for name in ("rule", "source", "host", "namespace", "image")}
        priority = {"priority": self.priority.value} if self.priority else {}
        return priority | {name: value for name, value in found.items() if value}


class Question(Dimensions):
    """Which events, whenever."""

    q: Annotated[str, Field(max_length=1000)] = ""
    """Words that must be in the event, each whole, or a beginning where an asterisk follows."""
    filter: Annotated[str, Field(max_length=_LONGEST_FILTER)] = ""
    """A condition in Falco's syntax."""
    field: Annotated[list[Exactly], Field(max_length=20, default_factory=list)]
    """`NAME=VALUE`: the field has exactly that value, whatever characters it is of. May be there several times."""

    def condition(self) -> Filter | None:
        """Raises `FilterError`, of the filter as it was sent."""
        exact = [equals(*entry.split("=", 1)) for entry in self.field]
        return View(filter=self.filter, facets=self.wanted).condition(exact)


class EventsQuestion(Question, Stretch):
    """Which events, from when to when, and how many."""

    cursor: Annotated[int, Field(ge=1, le=_LARGEST_ID)] | None = None
    """`next` of the page before."""
    limit: Annotated[int, Field(ge=1, le=500)] = 50

    def search(self) -> Search:
        """Raises `FilterError`, of the filter as it was sent."""
        return Search(
            words=self.q,
            condition=self.condition(),
            since=_micros(self.first),
            until=_micros(self.end),
            before=self.cursor,
            limit=self.limit,
        )


class CountsQuestion(Dimensions, Stretch):
    """What is counted, from when to when."""

    def seconds(self) -> tuple[int, int]:
        """Since 1970, a minute at least; the last day where nothing else is asked for."""
        end = math.ceil(self.end.timestamp() if self.end else time.time())
        first = int(self.first.timestamp()) if self.first else end - _DAY
        return first, max(end, first + 60)


def _micros(at: datetime | None) -> int | None:
    return None if at is None else round((at - _EPOCH).total_seconds() * 1_000_000)
