"""Points in time, and the stretches between two, as the query of an address names them."""

from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, Field, model_validator

from sidekick.api.model import Asked
from sidekick.sdk.moment import moment


def _named(text: str) -> str:
    """Refuses with ValueError what names no point in time."""
    moment(text)
    return text


Moment = Annotated[
    str,
    AfterValidator(_named),
    Field(max_length=40, description="A duration back from now such as 2h, or an ISO 8601 time.", examples=["2h"]),
]


class Stretch(Asked):
    """A stretch of time; either end may be open."""

    since: Moment | None = None
    until: Moment | None = None

    @property
    def first(self) -> datetime | None:
        return moment(self.since) if self.since else None

    @property
    def end(self) -> datetime | None:
        """The first that is not in it."""
        return moment(self.until) if self.until else None

    @model_validator(mode="after")
    def _forwards(self) -> "Stretch":
        if self.first and self.end and self.first >= self.end:
            raise ValueError("since must be before until")
        return self
