"""Whether an output wants an alert, and why."""

from dataclasses import dataclass

from sidekick.event import Event, Priority
from sidekick.filter import Explanation, compile_filter
from sidekick.sdk.settings import OutputSettings


@dataclass(frozen=True)
class Reason:
    """One thing that was asked of an alert, in words, and whether it was met; of a filter each clause."""

    met: bool
    text: str
    clauses: Explanation | None = None


class Route:
    """The way to one output: its minimum priority, which the test rule passes, and its filter."""

    def __init__(self, settings: OutputSettings) -> None:
        self._least = settings.minimumpriority
        self._level = settings.minimumpriority.level if settings.minimumpriority else 0
        self._condition = compile_filter(settings.filter) if settings.filter else None

    def __call__(self, event: Event) -> bool:
        """Whether the event may pass."""
        if not self._is_urgent(event):
            return False
        return self._condition is None or self._condition(event)

    def explain(self, event: Event) -> list[Reason]:
        """All that is asked of the event, what a shorter way would skip included."""
        reasons: list[Reason] = []
        if self._least is not None:
            reasons.append(self._urgency(event, self._least))
        if self._condition is not None:
            clauses = self._condition.explain(event)
            how = "meets" if clauses.result else "fails"
            reasons.append(Reason(clauses.result, f"{how} its filter", clauses))
        return reasons

    def _urgency(self, event: Event, least: Priority) -> Reason:
        if event.rule == Event.TEST_RULE:
            return Reason(met=True, text="the test rule passes every minimum priority")
        met = self._is_urgent(event)
        return Reason(met, f"priority {event.priority.value} {'reaches' if met else 'is below'} {least.value}")

    def _is_urgent(self, event: Event) -> bool:
        return event.priority.level >= self._level or event.rule == Event.TEST_RULE
