"""One Falco alert, from the bytes that Falco posts to the canonical JSON that every output sends.

`decode` takes a request body and gives the alerts in it, or raises `DecodeError`: no other outcome is possible,
whatever the bytes. The wire's shape is that of Falco's http_output; what falcosidekick also takes (keys in any case,
repeated objects, invalid UTF-8, half surrogates) is taken here too, by a slower reader that runs only when the quick
one refuses.
"""

import datetime as dt
import json
import random
import re
from collections.abc import Iterator
from enum import Enum
from functools import cached_property
from typing import Any, ClassVar, Self, cast

import msgspec


class DecodeError(ValueError):
    """A body that holds no alert. `reason` is a short word to count by: json, type, priority, rule or time."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class Priority(Enum):
    """Falco's eight priorities, named as Falco writes them; `level` is falcosidekick's number, 8 the most urgent."""

    EMERGENCY = "Emergency"
    ALERT = "Alert"
    CRITICAL = "Critical"
    ERROR = "Error"
    WARNING = "Warning"
    NOTICE = "Notice"
    INFORMATIONAL = "Informational"
    DEBUG = "Debug"

    level: int

    def __init__(self, name: str) -> None:
        self.level = 8 - len(type(self).__members__)

    @classmethod
    def parse(cls, text: str) -> Self:
        """The priority of that name in any case, `info` included; KeyError for any other text."""
        return cls[_PRIORITY_ALIASES.get(text, text).upper()]


_PRIORITY_ALIASES = {"info": "INFORMATIONAL", "Info": "INFORMATIONAL", "INFO": "INFORMATIONAL"}
_PRIORITIES = {priority.value: priority for priority in Priority}


class NumberLiteral:
    """A number that is not an integer, kept as the sender wrote it (`1.0`, `1E+2`), for a float would rewrite it."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text

    def __float__(self) -> float:
        return float(self.text)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, NumberLiteral) and other.text == self.text

    def __hash__(self) -> int:
        return hash(self.text)

    def __repr__(self) -> str:
        return self.text


class Event(msgspec.Struct, frozen=True, dict=True, omit_defaults=True):
    """An accepted alert. Field order is that of the canonical JSON; `fields` is Falco's `output_fields`.

    `uuid` is fixed when the alert is accepted and travels with it through every resend. `time` is RFC 3339 in the
    sender's offset with up to nine fraction digits. Values of `fields` are str, int, bool, None, `NumberLiteral`, lists
    and dicts of those.
    """

    uuid: str
    output: str
    priority: Priority
    rule: str
    time: str
    fields: dict[str, Any] = msgspec.field(name="output_fields")
    source: str
    tags: tuple[str, ...] = ()
    hostname: str = ""

    TEST_RULE: ClassVar[str] = "Test rule"

    @cached_property
    def json(self) -> bytes:
        """Canonical JSON: falcosidekick's key order, `output_fields` sorted, compact UTF-8, numbers as they came."""
        return encode_json(self)

    @cached_property
    def datetime(self) -> dt.datetime:
        """The alert's own time, aware, cut to microseconds."""
        return dt.datetime.fromisoformat(self.time)

    @property
    def timestamp_ns(self) -> int:
        """Nanoseconds since 1970, with every digit that the sender gave."""
        digits = re.split("[Z+-]", self.time[20:])[0] if self.time[19] == "." else ""
        return int(self.datetime.replace(microsecond=0).timestamp()) * 10**9 + int(digits.ljust(9, "0"))

    @classmethod
    def test(cls) -> "Event":
        """falcosidekick's own test alert (`POST /test`), stamped now, to the second."""
        return cls(
            uuid=new_id(),
            output="This is a test from falcosidekick",
            priority=Priority.DEBUG,
            rule=cls.TEST_RULE,
            time=dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            fields={"proc.name": "falcosidekick", "user.name": "falcosidekick"},
            source="internal",
            tags=("example", "test"),
            hostname="falcosidekick",
        )

    @classmethod
    def from_json(cls, payload: bytes) -> "Event":
        """The event that wrote this canonical JSON (a journal record); raises `DecodeError` for anything else."""
        try:
            event = _event_decoder.decode(payload)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            event = _lenient_event(payload)
        vars(event)["json"] = payload
        return event


class _Alert(msgspec.Struct, forbid_unknown_fields=True):
    """What Falco posts. Unknown keys are refused so that only a body that needs it pays for the lenient reader."""

    priority: str | None = None
    rule: str | None = None
    time: str | None = None
    output: str | None = None
    output_fields: dict[str, Any] | None = None
    source: str | None = None
    tags: list[str] | None = None
    hostname: str | None = None
    message: Any = None
    uuid: Any = None


def _as_written(value: object) -> msgspec.Raw:
    if isinstance(value, NumberLiteral):
        return msgspec.Raw(value.text.encode())
    raise NotImplementedError(type(value))


_alert_decoder = msgspec.json.Decoder(_Alert, float_hook=NumberLiteral)
_event_decoder = msgspec.json.Decoder(Event, float_hook=NumberLiteral)
encode_json = msgspec.json.Encoder(order="deterministic", enc_hook=_as_written).encode

_ALERT_KEYS = frozenset(_Alert.__struct_fields__)
_MAX_DIGITS = 4300
_MAX_DEPTH = 200  # deeper nesting is refused by Elasticsearch and others long before, and would exhaust the stack here
_FLAT = frozenset({str, int, bool, type(None), NumberLiteral})
_TOO_DEEP = f"nested deeper than {_MAX_DEPTH} levels"


def decode(body: bytes) -> list[Event]:
    """The alerts of a request body, each with a new id: one as Falco posts it, or several JSON objects in a row.

    All or nothing: if any object of the body is no alert, `DecodeError` is raised and none is taken.
    """
    if body.count(b'"output_fields"') <= 1:
        try:
            alert = _alert_decoder.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            pass
        else:
            if alert.output_fields and not _FLAT.issuperset(map(type, alert.output_fields.values())):
                _refuse_depth(alert.output_fields, _MAX_DEPTH)
            return [_event(alert)]
    events = [_event(_lenient_alert(value)) for value in _json_values(body.decode("utf-8", "replace"))]
    if not events:
        raise DecodeError("json", "the body is empty")
    return events


def _event(alert: _Alert) -> Event:
    rule = alert.rule
    if not rule:
        raise DecodeError("rule", "rule is missing or empty")
    source = "internal" if rule == Event.TEST_RULE else alert.source or "syscalls"
    return Event(
        uuid=new_id(),
        output=alert.output or "",
        priority=_priority(alert.priority or ""),
        rule=rule,
        time=canonical_time(alert.time or ""),
        fields=alert.output_fields or {},
        source=source,
        tags=tuple(sorted(alert.tags)) if alert.tags else (),
        hostname=alert.hostname or "",
    )


def _priority(text: str) -> Priority:
    try:
        return _PRIORITIES.get(text) or Priority.parse(text)
    except KeyError:
        raise DecodeError("priority", f"unknown priority {text[:40]!r}") from None


_TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)([.,](\d+))?(Z|[+-]\d\d:\d\d)", re.ASCII)


def canonical_time(text: str) -> str:
    """An RFC 3339 time as Go prints it: at most nine fraction digits, no trailing zeros, `Z` for UTC."""
    match = _TIME.fullmatch(text)
    if match is None:
        raise DecodeError("time", f"time is not RFC 3339: {text[:40]!r}")
    seconds, _, fraction, zone = match.groups()
    try:
        dt.datetime.fromisoformat(seconds + zone)
    except ValueError as error:
        raise DecodeError("time", f"time does not exist: {error}") from None
    fraction = (fraction or "")[:9].rstrip("0")
    if seconds == "0001-01-01T00:00:00" and not fraction:
        raise DecodeError("time", "time is the zero time")
    return f"{seconds}{'.' if fraction else ''}{fraction}{'Z' if zone in ('+00:00', '-00:00') else zone}"


# Seeded by the operating system; asking it for each id would be a system call an alert, and nobody need fear a guess.
_random_bits = random.Random().getrandbits  # noqa: S311


def new_id() -> str:
    """A random UUID (version 4, RFC 9562) as text; `uuid.uuid4` takes several times as long."""
    digits = f"{_random_bits(128):032x}"
    variant = "89ab"[int(digits[16], 16) & 3]
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"


def _json_values(text: str) -> Iterator[Any]:
    """Every JSON value of a text, in order, with white space between them; numbers as `int` or `NumberLiteral`."""
    position = _skip_space(text, 0)
    while position < len(text):
        try:
            value, end = _lenient_decoder.raw_decode(text, position)
        except (ValueError, RecursionError) as error:
            raise DecodeError("json", str(error)) from None
        yield value
        position = _skip_space(text, end)


def _skip_space(text: str, position: int) -> int:
    while position < len(text) and text[position] in " \t\r\n":
        position += 1
    return position


def _lenient_event(payload: bytes) -> Event:
    """The quick reader takes no integer of more than 4,300 digits, but the alert that held it was accepted."""
    for value in _json_values(payload.decode("utf-8", "replace")):
        try:
            return msgspec.convert(_plain(value, _MAX_DEPTH), Event)
        except msgspec.ValidationError as error:
            raise DecodeError("type", str(error)) from None
    raise DecodeError("json", "the record is empty")


def _lenient_alert(value: Any) -> _Alert:
    if not isinstance(value, _Pairs):
        raise DecodeError("type", "an alert is a JSON object")
    known: dict[str, Any] = {}
    for key, item in value:
        name = key.lower()
        if name not in _ALERT_KEYS:
            continue
        item = _plain(item, _MAX_DEPTH)
        merged = known.get(name)
        known[name] = merged | item if isinstance(item, dict) and isinstance(merged, dict) else item
    try:
        return msgspec.convert(known, _Alert)
    except msgspec.ValidationError as error:
        raise DecodeError("type", str(error)) from None


class _Pairs(list[tuple[str, Any]]):
    """A JSON object as the lenient reader first sees it, repeated keys and all."""


def _plain(value: Any, depth: int) -> Any:
    """The value with objects as dicts and without half surrogates, which no UTF-8 can carry."""
    if depth == 0:
        raise DecodeError("json", _TOO_DEEP)
    if isinstance(value, str):
        return _whole(value)
    if isinstance(value, _Pairs):
        return {_whole(key): _plain(item, depth - 1) for key, item in value}
    if isinstance(value, list):
        return [_plain(item, depth - 1) for item in cast("list[Any]", value)]
    return value


def _refuse_depth(value: Any, depth: int) -> None:
    """What the quick reader takes deeper, it may not read back from the journal, where more of the stack is in use."""
    if depth == 0:
        raise DecodeError("json", _TOO_DEEP)
    if isinstance(value, dict):
        value = list(cast("dict[str, Any]", value).values())
    if isinstance(value, list):
        for item in cast("list[Any]", value):
            _refuse_depth(item, depth - 1)


def _whole(text: str) -> str:
    if text.isascii():
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _integer(text: str) -> int | NumberLiteral:
    # Python reads no integer of more than 4,300 digits (CVE-2020-10735); as text they cost nothing.
    return int(text) if len(text) <= _MAX_DIGITS else NumberLiteral(text)


def _no_constant(text: str) -> None:
    raise ValueError(f"{text} is not JSON")


_lenient_decoder = json.JSONDecoder(
    object_pairs_hook=_Pairs, parse_float=NumberLiteral, parse_int=_integer, parse_constant=_no_constant, strict=True
)
