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
_ZERO = {"minimum": 0, "maximum": 0}  # of numbers, the only one that needs no unit


def _in_any_case(words: list[str]) -> str:
    """A pattern without flags, which ECMA-262, whose patterns JSON Schema has, does not know everywhere."""
    return "|".join("".join(f"[{sign}{sign.upper()}]" for sign in word) for word in words)


_SCALARS = ["string", "number", "boolean"]
_JSON: dict[str, dict[str, Any]] = {
    "flag": {"type": ["boolean"]},
    "duration": {"type": ["string", "integer"], **_ZERO, "pattern": r"^0$|^([0-9.]+(ns|us|µs|ms|s|m|h|d))+$"},
    "milliseconds": {"type": ["string", "number"]},
    "size": {"type": ["integer", "string"]},
    "rate": {"type": ["string", "integer"], **_ZERO, "pattern": "^0$|^[0-9.]+ */ *[smhd]$"},
    "priority": {"type": ["string"], "pattern": f"^({_in_any_case([*_PRIORITIES, 'info'])})?$"},
    "text": {"type": _SCALARS},
    "secret": {"type": ["string", "number"]},
    "number": {"type": ["number"]},
    "word": {"type": ["string"]},
    "list": {"type": ["array", "string"], "items": {"type": _SCALARS}},
    "map": {"type": ["object", "string"], "additionalProperties": {"type": [*_SCALARS, "null"]}},
    "tree": {"type": ["array", "object"]},
}
JSON_TYPES = {name: found | {"type": [*found["type"], "null"]} for name, found in _JSON.items()}
"""What may be written, as JSON Schema, by the names that `json_type` refers to; what is written blank is not set."""
_KINDS = {
    Kind.TEXT: "text",
    Kind.SECRET: "secret",
    Kind.NUMBER: "number",
    Kind.WORD: "text",
    Kind.LIST: "list",
    Kind.MAP: "map",
    Kind.TREE: "list of sections",
}


def words(key: Key) -> str:
    """What may be written, for a person."""
    if choices(key):
        return "one of " + ", ".join(map(str, choices(key)))
    if key.kind is Kind.TREE and get_origin(key.field.annotation) is dict:
        return "sections by name"
    return _WORDS.get(_form(key)) or _KINDS[key.kind]


def json_type(key: Key) -> dict[str, Any]:
    """What may be written, as JSON Schema, by a name in `JSON_TYPES`."""
    if choices(key):
        return {"enum": [*choices(key), None]}
    name = _form(key) or key.kind.name.lower()
    if name == "duration" and len(validators(key.field)) > 1:  # as falcosidekick's otlp, which takes bare numbers
        name = "milliseconds"
    return {"$ref": f"#/$defs/{name}"}


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
