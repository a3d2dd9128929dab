"""Which alerts go to an output one by one: filter → silences → group → throttle, and the reason why one does not."""

from collections.abc import Callable, Iterator
from typing import TypeVar

from sidekick.delivery.counts import Skipped
from sidekick.delivery.digest import Windows
from sidekick.delivery.group import Group
from sidekick.delivery.throttle import Throttle, TokenBucket
from sidekick.event import Event
from sidekick.sdk.settings import OutputSettings

N = TypeVar("N", int, float)


class Selection:
    """Of one output; what it holds back for a digest comes out of `digests` later."""

    def __init__(
        self,
        output: str,
        settings: OutputSettings,
        accepts: Callable[[Event], bool],
        silenced: Callable[[Event], bool] | None,
    ) -> None:
        self._output = output
        self._accepts = accepts
        self._silenced = silenced
        self._links = list(_links(settings))

    def reason_to_skip(self, event: Event, seq: int) -> Skipped | None:
        """None for an event to be sent now; `seq` is its number in the journal."""
        if not self._accepts(event):
            return "filtered"
        if self._silenced is not None and self._silenced(event):
            return "silenced"
        for link in self._links:
            if link.keeps(event, seq):
                return link.outcome
        return None

    def digests(self, most: int, *, early: bool = False) -> list[Event]:
        """The digests whose window is over, or all with `early`; at most so many, the rest at the next call."""
        found: list[Event] = []
        for link in self._links:
            while len(found) < most and (digest := link.windows.take(early=early)):
                found.append(digest.event(self._output, link.outcome))
        return found

    @property
    def held(self) -> int | None:
        """Number of the oldest event that waits for its digest."""
        return _least([link.windows.held for link in self._links])

    @property
    def remaining(self) -> float | None:
        """Seconds until `digests` may have one."""
        return _least([link.windows.remaining for link in self._links])

    def clear(self) -> None:
        """Forgets what is held back: it will be read again."""
        for link in self._links:
            link.windows.clear()


def _least(values: list[N | None]) -> N | None:
    return min([value for value in values if value is not None], default=None) if values else None


def _links(settings: OutputSettings) -> Iterator[Group | Throttle]:
    group, throttle = settings.group, settings.throttle
    if group.window:
        yield Group(group.by, Windows(group.window))
    if throttle.rate:
        yield Throttle(TokenBucket(throttle.rate, throttle.burst), Windows(throttle.window))
