"""What of an event can be searched, as the full-text index sees it.

A word is a run of ASCII letters, digits and anything beyond ASCII, in lower case; everything else divides words, but a
dot between digits: an address is one word, for of its four numbers each is in half of all events. That is FTS5's
`ascii` tokenizer with dots replaced, so that query and index agree exactly. Words that start with `MARK` are ours: the
event's id, and what it is counted by.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any, cast
from uuid import UUID

from sidekick.event import Event, NumberLiteral
from sidekick.filter.operators import text_of

MARK = "\ue000"
_JOINT = "\ue001"
_WORD = re.compile("[a-z0-9\x80-\U0010ffff]+")
_DOT = re.compile(r"\.(?=\d)(?<=\d\.)", re.ASCII)
_FALCO_TIME = re.compile(r"[\d:]+\.\d+: ")
# Times in nanoseconds: a word that no other event has, and nobody asks for.
_UNSEARCHED = {"evt.time", "evt.rawtime", "evt.time.iso8601", "evt.datetime"}


def text(event: Event, names: Sequence[int]) -> str:
    """The text of an event, always the same for the same event; `names` as in `events`, priority first."""
    parts = [_DOT.sub(_JOINT, own_text(event)), uuid_word(event.uuid)]
    parts += [f"{MARK}{letter}{number}" for letter, number in zip(LETTERS, names, strict=True)]
    return " ".join(parts)


def own_text(event: Event) -> str:
    """What people search."""
    parts = [_FALCO_TIME.sub("", event.output, count=1), event.rule, event.priority.value, event.source, event.hostname]
    parts += event.tags
    parts += [part for name, value in event.fields.items() if name not in _UNSEARCHED for part in _texts(value)]
    # A half surrogate cannot be in an event, and a NUL would end the text for SQLite.
    return "\n".join(parts).lower().replace("\0", " ")


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in cast("dict[str, Any]", value).values():
            yield from _texts(item)
    elif isinstance(value, list):
        for item in cast("list[Any]", value):
            yield from _texts(item)
    elif value is not None:
        yield text_of(value)
        if isinstance(value, NumberLiteral) and float(value).is_integer():
            yield str(int(float(value)))  # `= 5` also finds 5.0


LETTERS = "prshni"
"""Of priority, rule, source, host, namespace and image, in the marked words."""


def uuid_word(uuid: str) -> str:
    """A word that few events share with that one."""
    return f"{MARK}u{uuid_bytes(uuid)[:6].hex()}"


def uuid_bytes(uuid: str) -> bytes:
    """As in the table: 16 bytes, or the text itself where it is no UUID."""
    try:
        return UUID(uuid).bytes
    except ValueError:
        return uuid.encode()


def split(text: str) -> list[str]:
    """The words of a text."""
    return _WORD.findall(_DOT.sub(_JOINT, text.lower()))
