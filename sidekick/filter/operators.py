"""What each operator asks of one value of a field: `matcher` turns the right-hand side into a predicate, once.

Semantics are those of Falco's conditions (https://falco.org/docs/concepts/rules/conditions/): `regex` is RE2 and must
match the whole text, `pmatch` compares path components and its wildcards do not cross a slash. RE2 runs in linear time,
which Python's `re` does not, and the text is an attacker's.
"""

import fnmatch
import ipaddress
import operator as op
import re
import socket
from collections.abc import Callable, Sequence
from typing import Any, Protocol, cast

from sidekick.event import NumberLiteral
from sidekick.filter.syntax import Value

Matcher = Callable[[Any], bool]

ORDERINGS: dict[str, Callable[[Any, Any], bool]] = {"<": op.lt, "<=": op.le, ">": op.gt, ">=": op.ge}

_NUMBER = re.compile(r"(0[xX][0-9a-fA-F]{1,16})|([+-]?\d{1,40})|[+-]?\d+(?:\.\d*)?(?:[eE][+-]?\d+)?", re.ASCII)
_MAPPED = b"\0" * 10 + b"\xff\xff"  # an IPv4 address inside IPv6, as a dual-stack socket reports it (RFC 4291, 2.5.5.2)


class InvalidValueError(ValueError):
    """A right-hand value that the operator cannot use, and why."""

    def __init__(self, message: str, value: Value) -> None:
        super().__init__(message)
        self.value = value


def matcher(operator: str, values: Sequence[Value]) -> Matcher:
    """The predicate of `operator` over one scalar of an event; raises `InvalidValueError`."""
    if operator in ORDERINGS:
        return _ordering(ORDERINGS[operator], values[0])
    build = _BUILDERS.get(operator, _equality)
    return build(values)


def text_of(scalar: Any) -> str:
    """A scalar as Falco prints it."""
    if isinstance(scalar, bool):
        return "true" if scalar else "false"
    return scalar.text if isinstance(scalar, NumberLiteral) else str(scalar)


def number_in(text: str) -> int | float | None:
    """The number that a whole text spells, or nothing."""
    match = _NUMBER.fullmatch(text)
    if match is None:
        return None
    hexadecimal, integer = match.groups()
    if hexadecimal:
        return int(hexadecimal, 16)
    return int(integer) if integer else float(text)


def _number_of(scalar: Any) -> int | float | None:
    if isinstance(scalar, str):
        return number_in(scalar)
    return None if isinstance(scalar, bool) else float(scalar) if isinstance(scalar, NumberLiteral) else scalar


def _equality(values: Sequence[Value]) -> Matcher:
    texts = frozenset(value.text for value in values)
    numbers = frozenset(number_in(text) for text in texts) - {None}

    def equal(scalar: Any) -> bool:
        if isinstance(scalar, str):
            return scalar in texts
        return text_of(scalar) in texts or _number_of(scalar) in numbers

    return equal


def _ordering(compare: Callable[[Any, Any], bool], value: Value) -> Matcher:
    bound = number_in(value.text)
    if bound is None:
        raise InvalidValueError(f"this operator compares numbers, and '{value.text}' is none", value)

    def ordered(scalar: Any) -> bool:
        number = _number_of(scalar)
        return number is not None and compare(number, bound)

    return ordered


def _over_text(match: Callable[[str], bool]) -> Matcher:
    def matches(scalar: Any) -> bool:
        return match(scalar if type(scalar) is str else text_of(scalar))

    return matches


def _contains(values: Sequence[Value]) -> Matcher:
    part = values[0].text
    return _over_text(lambda text: part in text)


def _icontains(values: Sequence[Value]) -> Matcher:
    part = values[0].text.casefold()
    return _over_text(lambda text: part in text.casefold())


def _startswith(values: Sequence[Value]) -> Matcher:
    part = values[0].text
    return _over_text(lambda text: text.startswith(part))


def _endswith(values: Sequence[Value]) -> Matcher:
    part = values[0].text
    return _over_text(lambda text: text.endswith(part))


def _glob(values: Sequence[Value]) -> Matcher:
    match = _glob_pattern(values[0])
    return _over_text(lambda text: match(text) is not None)


def _glob_pattern(value: Value) -> Callable[[str], object]:
    try:
        return re.compile(fnmatch.translate(value.text)).match
    except re.error as error:
        raise InvalidValueError(f"not a glob pattern: {error}", value) from None


class _Pattern(Protocol):
    def fullmatch(self, text: str) -> object: ...


def _regex(values: Sequence[Value]) -> Matcher:
    import re2  # noqa: PLC0415  (2 MB that few filters need)

    library = cast("Any", re2)  # it comes without types
    options = library.Options()
    options.log_errors = False  # else RE2 writes to stderr what the error below says
    try:
        pattern: _Pattern = library.compile(values[0].text, options)
    except (library.error, UnicodeEncodeError) as error:
        raise InvalidValueError(f"not a regular expression (RE2): {_reason(error)}", values[0]) from None
    return _over_text(lambda text: pattern.fullmatch(text) is not None)


def _reason(error: Exception) -> str:
    reason: object = error.args[0] if error.args else ""
    return reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(error)


def _pmatch(values: Sequence[Value]) -> Matcher:
    prefixes = [[_component(part, value) for part in _components(value.text)] for value in values]

    def below(path: str) -> bool:
        parts = _components(path)
        return any(
            len(prefix) <= len(parts) and all(match(part) for match, part in zip(prefix, parts, strict=False))
            for prefix in prefixes
        )

    return _over_text(below)


def _component(part: str, value: Value) -> Callable[[str], object]:
    if any(char in part for char in "*?["):
        return _glob_pattern(Value(part, value.position))
    return part.__eq__


def _components(path: str) -> list[str]:
    parts = [part for part in path.split("/") if part]
    return ["", *parts] if path.startswith("/") else parts


def _net(values: Sequence[Value]) -> Matcher:
    networks = [_network(value) for value in values]

    def inside(scalar: Any) -> bool:
        packed = _packed(scalar)
        number = int.from_bytes(packed, "big")
        size = len(packed)
        for width, base, mask in networks:  # noqa: SIM110 - `any` over a generator takes twice as long
            if size == width and number & mask == base:
                return True
        return False

    return inside


def _network(value: Value) -> tuple[int, int, int]:
    try:
        network = ipaddress.ip_network(value.text, strict=False)
    except ValueError:
        raise InvalidValueError(f"'{value.text}' is not an IP network such as 10.0.0.0/8", value) from None
    return network.max_prefixlen // 8, int(network.network_address), int(network.netmask)


def _packed(scalar: Any) -> bytes:
    """The address's 4 or 16 bytes, or none if it is no address. `ipaddress` takes five times as long."""
    try:
        packed = socket.inet_pton(socket.AF_INET6 if ":" in scalar else socket.AF_INET, scalar)
    except (OSError, TypeError, ValueError):
        return b""
    return packed[12:] if packed.startswith(_MAPPED) else packed


_BUILDERS: dict[str, Callable[[Sequence[Value]], Matcher]] = {
    "contains": _contains,
    "icontains": _icontains,
    "startswith": _startswith,
    "endswith": _endswith,
    "glob": _glob,
    "regex": _regex,
    "pmatch": _pmatch,
    "net": _net,
}
