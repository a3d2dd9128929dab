"""A destination that follows a script, for tests of the engine: the seam is the public `Output` contract."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from sidekick.sdk import BatchLimits, Context, Event, Output, OutputSettings

FIVE_HUNDRED = BatchLimits(count=500)
Step = Callable[[Sequence[Event]], Awaitable[None] | None]


class Destination(Output[OutputSettings]):
    """Plays one step of its script a try, then takes everything; remembers each try's ids and what it holds."""

    Settings = OutputSettings
    title = "Destination"
    category = "test"
    limits = FIVE_HUNDRED

    def __init__(self, *script: Step, limits: BatchLimits = FIVE_HUNDRED, **settings: Any) -> None:
        retry = {"minimum": "1ms", "maximum": "5ms"}
        super().__init__(OutputSettings.model_validate({"retry": retry} | settings), Context())
        self.limits = limits  # type: ignore[misc]  (one class serves every test)
        self.script = list(script)
        self.tries: list[list[str]] = []
        self.events: list[Event] = []
        self.connects = 0
        self.closes = 0
        self.connect_script: list[Exception] = []

    @property
    def taken(self) -> list[str]:
        return [event.uuid for event in self.events]

    async def connect(self) -> None:
        self.connects += 1
        if self.connect_script:
            raise self.connect_script.pop(0)

    async def send(self, events: Sequence[Event]) -> None:
        self.tries.append([event.uuid for event in events])
        if self.script:
            outcome = self.script.pop(0)(events)
            if outcome is not None:
                await outcome
        self.events += events

    async def close(self) -> None:
        self.closes += 1


def fails(error: Exception) -> Step:
    def step(events: Sequence[Event]) -> None:
        raise error

    return step
