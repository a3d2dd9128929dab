"""Go's `time.Time`, as far as a template can reach it: what it prints, `Format`, and the parts of date and clock."""

import datetime as dt
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from sidekick.sdk.template.error import TemplateExecutionError
from sidekick.sdk.template.values import GoInteger, GoObject, Member

_DEFAULT = "2006-01-02 15:04:05.999999999 -0700 MST"
_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip
_DAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")


class Month(GoInteger):
    type_name = "time.Month"
    names: ClassVar[Mapping[int, str]] = dict(enumerate(_MONTHS, 1))


class Weekday(GoInteger):
    type_name = "time.Weekday"
    names: ClassVar[Mapping[int, str]] = dict(enumerate(_DAYS))


@dataclass(frozen=True)
class GoTime(GoObject):
    """An instant in its sender's offset: `moment` to the second, and nanoseconds."""

    moment: dt.datetime
    nanosecond: int = 0

    type_name: ClassVar[str] = "time.Time"
    members: ClassVar[Mapping[str, Member]]

    @classmethod
    def at(cls, moment: dt.datetime, timestamp_ns: int) -> Self:
        return cls(moment.replace(microsecond=0), timestamp_ns % 10**9)

    def __str__(self) -> str:
        return self.format(_DEFAULT)

    def __lt__(self, other: "GoTime") -> bool:
        return self.unix_nano < other.unix_nano

    def __gt__(self, other: "GoTime") -> bool:
        return other < self

    def compare(self, other: "GoTime") -> int:
        return (self > other) - (self < other)

    def equals(self, other: "GoTime") -> bool:
        """The same instant, whatever the offsets; `==` asks for the same offset too."""
        return self.unix_nano == other.unix_nano

    @property
    def unix_nano(self) -> int:
        return int(self.moment.timestamp()) * 10**9 + self.nanosecond

    @property
    def year_day(self) -> int:
        return self.moment.timetuple().tm_yday

    @property
    def weekday(self) -> Weekday:
        return Weekday(self.moment.isoweekday() % 7)

    @property
    def offset(self) -> int:
        """Seconds east of UTC."""
        return int((self.moment.utcoffset() or dt.timedelta()).total_seconds())

    @property
    def zone(self) -> str:
        """The zone's abbreviation: Go knows UTC's and, where the offset is this machine's own, the local one's."""
        if not self.offset:
            return "UTC"
        try:
            local = self.moment.astimezone()
        except OverflowError:  # the first and the last day that Python knows
            return ""
        return (local.tzname() or "") if local.utcoffset() == self.moment.utcoffset() else ""

    def within(self, zone: dt.tzinfo | None) -> "GoTime":
        try:
            return GoTime(self.moment.astimezone(zone), self.nanosecond)
        except OverflowError:
            raise TemplateExecutionError("the time does not exist in that zone") from None

    def format(self, layout: str) -> str:
        """The time in the manner of a layout, which is the reference time 2006-01-02 15:04:05 written that way."""
        return _ELEMENT.sub(lambda match: self.element(match.group()), layout)

    def element(self, text: str) -> str:
        if text[0] in ".,":
            return self.fraction(text)
        if text[0] in "Z-":
            return self.offset_text(text)
        return _ELEMENTS[text](self)

    def fraction(self, text: str) -> str:
        digits = f"{self.nanosecond:09}"[: len(text) - 1]
        if text[1] == "9":
            digits = digits.rstrip("0")
        return text[0] + digits if digits else ""

    def offset_text(self, text: str) -> str:
        if text[0] == "Z" and not self.offset:
            return "Z"
        minutes, seconds = divmod(abs(self.offset), 60)
        colon = ":" if ":" in text else ""
        parts = [f"{minutes // 60:02}", f"{minutes % 60:02}", f"{seconds:02}"]
        wanted = len(text.replace(":", "").lstrip("Z-")) // 2
        return ("-" if self.offset < 0 else "+") + colon.join(parts[:wanted])


def _hour12(time: GoTime) -> int:
    return time.moment.hour % 12 or 12


_ELEMENTS: dict[str, Callable[[GoTime], str]] = {
    "January": lambda t: _MONTHS[t.moment.month - 1],
    "Jan": lambda t: _MONTHS[t.moment.month - 1][:3],
    "01": lambda t: f"{t.moment.month:02}",
    "1": lambda t: f"{t.moment.month}",
    "Monday": lambda t: str(t.weekday),
    "Mon": lambda t: str(t.weekday)[:3],
    "002": lambda t: f"{t.year_day:03}",
    "__2": lambda t: f"{t.year_day:3}",
    "02": lambda t: f"{t.moment.day:02}",
    "_2": lambda t: f"{t.moment.day:2}",
    "2": lambda t: f"{t.moment.day}",
    "15": lambda t: f"{t.moment.hour:02}",
    "03": lambda t: f"{_hour12(t):02}",
    "3": lambda t: f"{_hour12(t)}",
    "04": lambda t: f"{t.moment.minute:02}",
    "4": lambda t: f"{t.moment.minute}",
    "05": lambda t: f"{t.moment.second:02}",
    "5": lambda t: f"{t.moment.second}",
    "2006": lambda t: f"{t.moment.year:04}",
    "06": lambda t: f"{t.moment.year % 100:02}",
    "PM": lambda t: "PM" if t.moment.hour >= 12 else "AM",
    "pm": lambda t: "pm" if t.moment.hour >= 12 else "am",
    "MST": lambda t: t.zone or t.offset_text("-0700"),
}
# Longest first where one begins like another. `Jan` and `Mon` are not the beginning of a longer word, and a run of 0 or
# 9 is a fraction only after `.` or `,` and before no other digit. `_2006` is a `_` and a year.
_ELEMENT = re.compile(
    r"[.,](?:0+|9+)(?!\d)|January|Jan(?![a-z])|Monday|Mon(?![a-z])|MST|Z070000|Z07:00:00|Z0700|Z07:00|Z07"
    r"|-070000|-07:00:00|-0700|-07:00|-07|2006|002|__2|_2(?!006)|0[1-6]|15|[12345]|PM|pm"
)


def _method(read: Callable[[GoTime], Any]) -> Member:
    return Member(read, ())


GoTime.members = {
    "After": Member(operator.gt, (GoTime,)),
    "Before": Member(operator.lt, (GoTime,)),
    "Compare": Member(GoTime.compare, (GoTime,)),
    "Day": _method(lambda t: t.moment.day),
    "Equal": Member(GoTime.equals, (GoTime,)),
    "Format": Member(GoTime.format, (str,)),
    "Hour": _method(lambda t: t.moment.hour),
    "IsZero": _method(lambda t: False),  # an event without a time is refused when it is decoded
    "Local": _method(lambda t: t.within(None)),
    "Minute": _method(lambda t: t.moment.minute),
    "Month": _method(lambda t: Month(t.moment.month)),
    "Nanosecond": _method(lambda t: t.nanosecond),
    "Second": _method(lambda t: t.moment.second),
    "String": _method(str),
    "UTC": _method(lambda t: t.within(dt.UTC)),
    "Unix": _method(lambda t: t.unix_nano // 10**9),
    "UnixMicro": _method(lambda t: t.unix_nano // 10**3),
    "UnixMilli": _method(lambda t: t.unix_nano // 10**6),
    "UnixNano": _method(lambda t: t.unix_nano),
    "Weekday": _method(lambda t: t.weekday),
    "Year": _method(lambda t: t.moment.year),
    "YearDay": _method(lambda t: t.year_day),
}
