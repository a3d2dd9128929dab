"""Bodies that carry several alerts, joined from JSON that is encoded already."""

from collections.abc import Iterable

from sidekick.event import Event


def json_lines(events: Iterable[Event]) -> bytes:
    """The canonical JSON of each alert on a line of its own; for one alert, what falcosidekick sends."""
    return b"".join(event.json + b"\n" for event in events)


def json_array(items: Iterable[bytes]) -> bytes:
    return b"[%b]\n" % b",".join(items)
