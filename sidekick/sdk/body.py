"""Bodies: several alerts in one request, joined from JSON that is encoded already, and the JSON of an answer."""

from collections.abc import Iterable
from typing import TypeVar

import msgspec

from sidekick.event import Event

T = TypeVar("T")


def json_lines(events: Iterable[Event]) -> bytes:
    """The canonical JSON of each alert on a line of its own; for one alert, what falcosidekick sends."""
    return b"".join(event.json + b"\n" for event in events)


def json_array(items: Iterable[bytes]) -> bytes:
    return b"[%b]\n" % b",".join(items)


def read_json(body: bytes, type: type[T]) -> T:
    """What an answer says, or a `type` without values where it says something else: a status alone counts then."""
    try:
        return msgspec.json.decode(body, type=type)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return type()
