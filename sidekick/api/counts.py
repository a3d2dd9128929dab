"""How many events there were, over time and by what they have in common."""

from typing import Annotated, Literal, get_args

from fastapi import APIRouter, Path, Query
from pydantic import Field

from sidekick.api.model import Model
from sidekick.api.question import CountsQuestion
from sidekick.event import Priority
from sidekick.store import DIMENSIONS, Reader
from sidekick.store import Histogram as Counted


class Bar(Model):
    start: int
    """Seconds since 1970."""
    priority: Priority
    events: int


class Histogram(Model):
    """From `since` on and before `until` (seconds since 1970), `step` seconds a bar; bars of nothing are left out."""

    since: int
    until: int
    step: int
    bars: list[Bar]


class Tally(Model):
    name: str
    """Empty for events that have none."""
    events: int


class HistogramQuestion(CountsQuestion):
    bars: Annotated[int, Field(ge=1, le=1000)] = 120
    """About how many at most."""


class TopQuestion(CountsQuestion):
    limit: Annotated[int, Field(ge=1, le=500)] = 10


Dimension = Literal["priority", "rule", "source", "host", "namespace", "image"]
assert get_args(Dimension) == DIMENSIONS


def router(reader: Reader) -> APIRouter:
    routes = APIRouter(tags=["events"])

    @routes.get("/histogram", response_model=Histogram)
    async def count_over_time(question: Annotated[HistogramQuestion, Query()]) -> Counted:
        """Counts over time, by priority; of the last day, unless another stretch is named."""
        return await reader.histogram(*question.seconds(), question.wanted, question.bars)

    @routes.get("/top/{dimension}", response_model=list[Tally])
    async def count_by(dimension: Annotated[Dimension, Path()], question: Annotated[TopQuestion, Query()]) -> object:
        """The most frequent first; of the last day, unless another stretch is named."""
        return await reader.top(dimension, *question.seconds(), question.wanted, question.limit)

    return routes
