"""An alert as a `messageformat` template sees it: the names of falcosidekick's payload."""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from sidekick.event import Event, Priority
from sidekick.sdk.template.time import GoTime
from sidekick.sdk.template.values import GoInteger, GoObject, Member


class GoPriority(GoInteger):
    """Prints as its name and compares as its number, 1 (Debug) to 8 (Emergency)."""

    type_name = "types.PriorityType"
    names: ClassVar[Mapping[int, str]] = {priority.level: priority.value for priority in Priority}


class GoEvent(GoObject):
    """The dot of `messageformat`. `str()` is the event's canonical JSON."""

    type_name = "types.FalcoPayload"
    members: ClassVar[Mapping[str, Member]]

    def __init__(self, event: Event) -> None:
        self.event = event

    def __str__(self) -> str:
        return self.event.json.decode()


def _field(read: Callable[[Event], Any]) -> Member:
    def read_event(view: GoEvent) -> Any:
        return read(view.event)

    return Member(read_event)


def _itself(view: GoEvent) -> GoEvent:
    return view


GoEvent.members = {
    "UUID": _field(lambda event: event.uuid),
    "Output": _field(lambda event: event.output),
    "Priority": _field(lambda event: GoPriority(event.priority.level)),
    "Rule": _field(lambda event: event.rule),
    "Time": _field(lambda event: GoTime.at(event.datetime, event.timestamp_ns)),
    "OutputFields": _field(lambda event: event.fields),
    "Source": _field(lambda event: event.source),
    "Tags": _field(lambda event: event.tags),
    "Hostname": _field(lambda event: event.hostname),
    "String": Member(str, ()),
    # Every event that was accepted is a valid one, and none can be changed, so it may stand for its own copy.
    "Check": Member(bool, ()),
    "DeepCopy": Member(_itself, ()),
}
