"""How the value of a key is written: in words, as the default's YAML, and as JSON Schema."""

import json
import re
from enum import Enum
from typing import Any, Literal, get_args, get_origin

from pydantic import BeforeValidator, SecretStr

from sidekick.event import Priority
from sidekick.sdk.settings import Duration, Flag, MinimumPriority, Rate, Size
from sidekick.settings.key import Key, Kind, validators
from sidekick.settings.scalar import resolve

_PLAIN = re.compile(r"[A-Za-z/][\w./-]*", re.ASCII)
_TIMES = {86400: "d", 3600: "h", 60: "m", 1: "s"}
_SIZES = {1 << 30: "GiB", 1 << 20: "MiB", 1 << 10: "KiB", 10**9: "GB", 10**6: "MB", 10**3: "kB", 1: ""}
_PRIORITIES = [priority.value.lower() for priority in Priority]
_WORDS = {"flag": "true or false", "duration": "duration", "size": "size", "rate": "rate", "priority": "priority"}
_SCHEMAS: dict[str, dict[str, Any]] = {
    "flag": {"type": "boolean"},
    "duration": {"type": "string", "pattern": r"^0$|^([0-9.]+(ns|us|µs|ms|s|m|h|d))+$"},
    "size": {"type": ["integer", "string"]},
    "rate": {"type": ["integer", "string"], "pattern": "^0$|^[0-9.]+ */ *[smhd]$"},
    "priority": {"type": "string", "pattern": "^(?i:" + "|".join([*_PRIORITIES, "info"]) + ")?$"},
}
_KINDS: dict[Kind, tuple[str, dict[str, Any]]] = {
    Kind.TEXT: ("text", {"type": ["string", "number", "boolean"]}),
    Kind.SECRET: ("secret", {"type": ["string", "number"]}),
    Kind.NUMBER: ("number", {"type": "number"}),
    Kind.WORD: ("text", {"type": "string"}),
    Kind.LIST: ("list", {"type": ["array", "string"], "items": {"type": "string"}}),
    Kind.MAP: (
        "map",
        {"type": ["object", "string"], "additionalProperties": {"type": ["string", "number", "boolean", "null"]}},
    ),
    Kind.TREE: ("list of sections", {"type": ["array", "object"]}),
}


def words(key: Key) -> str:
    """What may be written, for a person."""
    if choices(key):
        return "one of " + ", ".join(map(str, choices(key)))
    if key.kind is Kind.TREE and get_origin(key.field.annotation) is dict:
        return "sections by name"
    return _WORDS.get(_form(key)) or _KINDS[key.kind][0]


def json_type(key: Key) -> dict[str, Any]:
    """What may be written, as JSON Schema."""
    if choices(key):
        return {"enum": choices(key)}
    return _SCHEMAS.get(_form(key)) or _KINDS[key.kind][1]


def choices(key: Key) -> list[Any]:
    """The values of a key that takes a few words only."""
    annotation = key.field.annotation
    return list(get_args(annotation)) if get_origin(annotation) is Literal else []


def default(key: Key) -> str:
    """The default as YAML; blank where no value stands for it."""
    value: Any = key.field.get_default(call_default_factory=True)
    match _form(key), value:
        case _, None:
            return ""
        case "duration", float() | int():
            return duration(value)
        case "size", int():
            return size(value)
        case "rate", float():
            return rate(value)
        case _, SecretStr():
            return '""'
        case _, Enum():
            return str(value.value).lower()
        case _, bool() | int() | float() | tuple() | list() | dict():
            return json.dumps(value, ensure_ascii=False)
        case _:
            text = str(value)
            return text if _PLAIN.fullmatch(text) and resolve(text) == text else json.dumps(text, ensure_ascii=False)


def duration(seconds: float) -> str:
    """Seconds as they are written in a file: `1m`, `1.5s`, `250ms`."""
    for unit, name in _TIMES.items():
        if seconds and seconds % unit == 0:
            return f"{seconds / unit:g}{name}"
    return f"{seconds * 1000:g}ms" if seconds else "0"


def rate(per_second: float) -> str:
    """A rate as it is written in a file: `10/m`, in the least span that holds one."""
    for unit, name in sorted(_TIMES.items()):
        if per_second * unit >= 1:
            return f"{per_second * unit:g}/{name}"
    return f"{per_second * 86400:g}/d" if per_second else "0"


def size(count: int) -> str:
    """Bytes as they are written in a file, the shortest way: `10MB`, `4MiB`."""
    return min((f"{count // unit}{name}" for unit, name in _SIZES.items() if count % unit == 0), key=len)


def _form(key: Key) -> str:
    """The name of the form that the key's type gives its value, or nothing."""
    return next((name for name, form in _forms().items() if form in validators(key.field)), "")


def _forms() -> dict[str, BeforeValidator]:
    types = {"flag": Flag, "duration": Duration, "size": Size, "rate": Rate, "priority": MinimumPriority}
    return {name: get_args(form)[1] for name, form in types.items()}
