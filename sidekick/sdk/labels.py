"""Fields of an alert as other systems' labels, tags and dimensions."""

from typing import Any

from sidekick.event import Event, encode_json


def text_fields(event: Event) -> list[tuple[str, str]]:
    """Those fields whose value is a text, by name: what falcosidekick takes for a label."""
    return sorted((name, value) for name, value in event.fields.items() if isinstance(value, str))


def as_text(value: Any) -> str:
    """A value of any kind, as JSON where it is no text."""
    return value if isinstance(value, str) else encode_json(value).decode()


def text_of(event: Event, field: str) -> str:
    """The field's text; empty where there is none or it is no text."""
    value = event.fields.get(field)
    return value if isinstance(value, str) else ""
