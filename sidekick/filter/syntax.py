"""The tree of a filter, and its canonical text: parsing `str(tree)` gives the same tree."""

import re
from dataclasses import dataclass, field

KEYWORDS = frozenset({"and", "or", "not"})
ONE_VALUE = frozenset(
    {"=", "!=", "<", "<=", ">", ">=", "contains", "icontains", "startswith", "endswith", "glob", "regex"}
)
VALUE_LIST = frozenset({"in", "intersects", "pmatch"})
ONE_OR_LIST = frozenset({"net"})
NO_VALUE = frozenset({"exists"})
OPERATORS = ONE_VALUE | VALUE_LIST | ONE_OR_LIST | NO_VALUE

# The character classes of Falco's own scanner, but that a field needs no dot: custom fields often have none.
BARE_FIELD = re.compile(r"""(?:[^\s()\[\]"'=<>!,]|\[[^\[\]]*\])+""")
BARE_VALUE = re.compile(r"""[^\s()"'=,]+""")
ESCAPES = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "\\": "\\", "/": "/", '"': '"', "'": "'"}
_WRITTEN = {ord(char): f"\\{letter}" for letter, char in ESCAPES.items() if letter not in "/'"}


@dataclass(frozen=True, slots=True)
class Value:
    """A right-hand text; where it stood is for error messages only."""

    text: str
    position: int = field(default=0, compare=False)

    def __str__(self) -> str:
        return _written(self.text, BARE_VALUE)


@dataclass(frozen=True, slots=True)
class Comparison:
    field: str
    operator: str
    values: tuple[Value, ...] = ()

    def __str__(self) -> str:
        left = f"{_written(self.field, BARE_FIELD)} {self.operator}"
        if self.operator in NO_VALUE:
            return left
        if self.operator in VALUE_LIST or len(self.values) != 1:
            return f"{left} ({', '.join(map(str, self.values))})"
        return f"{left} {self.values[0]}"


@dataclass(frozen=True, slots=True)
class Not:
    operand: "Expression"

    def __str__(self) -> str:
        return f"not {_grouped(self.operand)}"


@dataclass(frozen=True, slots=True)
class And:
    operands: tuple["Expression", ...]

    def __str__(self) -> str:
        return " and ".join(map(_grouped, self.operands))


@dataclass(frozen=True, slots=True)
class Or:
    operands: tuple["Expression", ...]

    def __str__(self) -> str:
        return " or ".join(map(_grouped, self.operands))


Expression = Comparison | Not | And | Or


def _grouped(expression: Expression) -> str:
    return f"({expression})" if isinstance(expression, And | Or) else str(expression)


def _written(text: str, bare: re.Pattern[str]) -> str:
    if bare.fullmatch(text) and text not in KEYWORDS:
        return text
    return f'"{text.translate(_WRITTEN)}"'
