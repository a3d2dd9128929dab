"""Points in time, and the stretches between two, as the query of an address names them."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

from pydantic import AfterValidator, Field, model_validator

from sidekick.api.model import Request
from sidekick.sdk.settings import seconds


def parse(text: str) -> datetime:
    """`2h` ago, or an ISO 8601 date or time, UTC unless it says otherwise. Raises ValueError."""
    try:
        return datetime.now(UTC) - timedelta(seconds=seconds(text))
    except (ValueError, OverflowError):
        pass
    try:
        found = datetime.fromisoformat(text)
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError("write a duration such as 2h, or a time such as 2026-05-06T07:08:00Z") from None


def _moment(text: str) -> str:
    """Refuses with ValueError what names no point in time."""
    parse(text)
    return text


Moment = Annotated[
    str,
    AfterValidator(_moment),
    Field(max_length=40, description="A duration back from now such as 2h, or an ISO 8601 time.", examples=["2h"]),
]


class Stretch(Request):
    """A stretch of time; either end may be open."""

    since: Moment | None = None
    until: Moment | None = None

    @property
    def first(self) -> datetime | None:
        return parse(self.since) if self.since else None

    @property
    def end(self) -> datetime | None:
        """The first that is not in it."""
        return parse(self.until) if self.until else None

    @model_validator(mode="after")
    def _forwards(self) -> "Stretch":
        if self.first and self.end and self.first >= self.end:
            raise ValueError("since must be before until")
        return self
