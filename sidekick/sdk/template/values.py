"""Go's view of Python values: kinds, type names, truth, and members.

A JSON number is a text to Go (`json.Number`), so `{{ eq .pid "12" }}` is true and `{{ if .pid }}` is true for 0 too;
`JsonNumber` keeps that. None is a null that the data holds, `MISSING` what the data does not hold: a further `.name`
is an error on the first and nothing on the second.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, ClassVar, Final, cast

from sidekick.event import NumberLiteral
from sidekick.sdk.template.error import TemplateExecutionError


class Nothing(Enum):
    MISSING = "no such key"
    ABSENT = "no value comes down the pipeline"


MISSING: Final = Nothing.MISSING
ABSENT: Final = Nothing.ABSENT


class JsonNumber(str):
    """A number of the event, with the text that its sender wrote."""

    __slots__ = ()

    @property
    def number(self) -> int | float:
        return int(self) if self.lstrip("-").isdigit() and len(self) < 40 else float(self)


@dataclass(frozen=True, slots=True)
class Member:
    """A field, or with `parameters` (the Python type of each) a method, of a Go type."""

    read: Callable[..., Any]
    parameters: tuple[type, ...] | None = None


class GoObject:
    """A Go value with named members. `str()` is what its String method gives."""

    type_name: ClassVar[str]
    members: ClassVar[Mapping[str, Member]]

    def member(self, name: str, arguments: Sequence[Any]) -> Any:
        known = self.members.get(name)
        if known is None:
            raise TemplateExecutionError(f"can't evaluate field {name} in type {self.type_name}")
        expected = known.parameters
        if expected is None and arguments:
            raise TemplateExecutionError(f"{name} has arguments but cannot be invoked as function")
        expected = expected or ()
        if len(arguments) != len(expected):
            message = f"wrong number of args for {name}: want {len(expected)} got {len(arguments)}"
            raise TemplateExecutionError(message)
        for argument, kind in zip(arguments, expected, strict=True):
            if type(argument) is not kind:
                raise TemplateExecutionError(f"wrong type for argument of {name}; got {type_name(argument)}")
        return known.read(self, *arguments)


class GoInteger(int, GoObject):
    """An integer type with a String method, such as a month or a priority."""

    names: ClassVar[Mapping[int, str]]
    members: ClassVar[Mapping[str, Member]] = {"String": Member(str, ())}

    def __str__(self) -> str:
        return self.names.get(int(self), "")


def from_data(value: Any) -> Any:
    """A value as the data holds it, as a template sees it."""
    if type(value) is int:
        return JsonNumber(value)
    return JsonNumber(value.text) if isinstance(value, NumberLiteral) else value


def member(value: Any, name: str, arguments: Sequence[Any] = ()) -> Any:
    """`value.name`, called with the arguments if it is a method."""
    if value is MISSING:
        return MISSING
    if value is None:
        raise TemplateExecutionError(f"nil pointer evaluating interface {{}}.{name}")
    if isinstance(value, GoObject):
        return value.member(name, arguments)
    if not isinstance(value, dict):
        raise TemplateExecutionError(f"can't evaluate field {name} in type {type_name(value)}")
    if arguments:
        raise TemplateExecutionError(f"{name} is not a method but has arguments")
    return from_data(cast("dict[str, Any]", value).get(name, MISSING))


def truth(value: Any) -> bool:
    if value is MISSING or value is None:
        return False
    if isinstance(value, GoObject) and not isinstance(value, int):
        return True
    return bool(value)


def type_name(value: object) -> str:
    """The Go type's name, as error messages and `%T` spell it."""
    if isinstance(value, GoObject):
        return value.type_name
    return "<nil>" if value is MISSING else _TYPE_NAMES.get(type(value), type(value).__name__)


_TYPE_NAMES: dict[type, str] = {
    str: "string",
    JsonNumber: "json.Number",
    NumberLiteral: "json.Number",
    bool: "bool",
    int: "int",
    float: "float64",
    list: "[]interface {}",
    tuple: "[]string",
    dict: "map[string]interface {}",
    type(None): "<nil>",
}
