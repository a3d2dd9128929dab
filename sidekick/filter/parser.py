"""Text to tree, by recursive descent over the characters.

There is no separate scanner because a word means different things in different places, as in Falco: `<NA>` after `=` is
a value, and `<` after a field is an operator.
"""

import re

from sidekick.filter.error import FilterError, suggestion
from sidekick.filter.syntax import (
    BARE_FIELD,
    BARE_VALUE,
    ESCAPES,
    KEYWORDS,
    NO_VALUE,
    ONE_VALUE,
    OPERATORS,
    VALUE_LIST,
    And,
    Comparison,
    Expression,
    Not,
    Or,
    Value,
)

MAX_DEPTH = 100  # Falco's own bound on parentheses and `not` inside one another

_SPACE = re.compile(r"\s*")
_WORD = re.compile(r"""[^\s()"'=<>!,]+""")
_OPERATOR = re.compile(r"""=~|!~|<>|==|!=|<=|>=|[=<>]|[^\s()"'=<>,]+""")
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_QUOTED = re.compile(r""""((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'""", re.DOTALL)

# What people write who come from other languages; a near-miss in spelling finds the rest.
_FOREIGN = {
    "=~": "regex",
    "!~": "regex",
    "<>": "!=",
    "like": "glob",
    "matches": "regex",
    "equals": "=",
    "is": "=",
    "cidr": "net",
    "&&": "and",
    "&": "and",
    "||": "or",
    "|": "or",
}


def parse(text: str) -> Expression:
    """The tree of a filter; raises `FilterError`."""
    return _Parser(text).whole()


class _Parser:
    def __init__(self, text: str) -> None:
        self.text = text
        self.position = 0
        self.skip_space()

    def whole(self) -> Expression:
        if self.position == len(self.text):
            raise self.error("the filter is empty")
        expression = self.disjunction(0)
        if self.position < len(self.text):
            raise self.error(f"expected 'and' or 'or', found {self.found()}{self.joining_hint()}")
        return expression

    def disjunction(self, depth: int) -> Expression:
        operands = [self.conjunction(depth)]
        while self.take_keyword("or"):
            operands.append(self.conjunction(depth))
        return Or(tuple(operands)) if len(operands) > 1 else operands[0]

    def conjunction(self, depth: int) -> Expression:
        operands = [self.operand(depth)]
        while self.take_keyword("and"):
            operands.append(self.operand(depth))
        return And(tuple(operands)) if len(operands) > 1 else operands[0]

    def operand(self, depth: int) -> Expression:
        if depth == MAX_DEPTH:
            raise self.error(f"nested deeper than {MAX_DEPTH} levels")
        if self.take_keyword("not"):
            return Not(self.operand(depth + 1))
        if not self.take("("):
            return self.comparison()
        expression = self.disjunction(depth + 1)
        if not self.take(")"):
            raise self.error(f"expected ')', 'and' or 'or', found {self.found()}{self.joining_hint()}")
        return expression

    def comparison(self) -> Comparison:
        field = self.field()
        operator = self.operator(field)
        return Comparison(field, operator, self.values(operator))

    def field(self) -> str:
        word = self.word()
        if word in KEYWORDS:
            raise self.error(f"expected a field, found the keyword '{word}'")
        field = self.quoted() or self.bare(BARE_FIELD)
        if field is None:
            raise self.error(f"expected a field, found {self.found()}")
        return field.text

    def operator(self, field: str) -> str:
        match = _OPERATOR.match(self.text, self.position)
        word = match.group() if match else ""
        operator = "=" if word == "==" else word
        if match and operator in OPERATORS:
            self.move(match.end())
            return operator
        if self.text.startswith("(", self.position):
            raise self.error(f"functions such as {field}() are not available in filters")
        if not word or word in KEYWORDS:
            raise self.error(f"expected an operator after '{field}', found {self.found()}")
        raise self.error(f"unknown operator '{word}'{_hint(word, OPERATORS)}")

    def values(self, operator: str) -> tuple[Value, ...]:
        if operator in NO_VALUE:
            return ()
        if operator not in ONE_VALUE and self.text.startswith("(", self.position):
            return self.value_list()
        if operator in VALUE_LIST:
            raise self.error(f"'{operator}' takes a list in parentheses, found {self.found()}")
        return (self.value(),)

    def value_list(self) -> tuple[Value, ...]:
        self.take("(")
        values: list[Value] = []
        while not self.take(")"):
            if values and not self.take(","):
                raise self.error(f"expected ',' or ')' in the list, found {self.found()}")
            values.append(self.value())
        return tuple(values)

    def value(self) -> Value:
        if (word := self.word()) in KEYWORDS:
            raise self.error(f"expected a value, found the keyword '{word}' (quote it if the text is meant)")
        value = self.quoted() or self.bare(BARE_VALUE)
        if value is None:
            raise self.error(f"expected a value, found {self.found()}")
        return value

    def quoted(self) -> Value | None:
        match = _QUOTED.match(self.text, self.position)
        if match is None:
            if self.text.startswith(('"', "'"), self.position):
                raise self.error("this quote is never closed")
            return None
        start = self.position
        content = _ESCAPE.sub(self.unescaped, match.group(match.lastindex or 0), 0)
        self.move(match.end())
        return Value(content, start)

    def unescaped(self, escape: re.Match[str]) -> str:
        letter = escape.group(1)
        if letter not in ESCAPES:
            message = rf"unknown escape '\{letter}' (write '\\{letter}' for a backslash)"
            raise FilterError(message, self.position + 1 + escape.start(), self.text)
        return ESCAPES[letter]

    def bare(self, pattern: re.Pattern[str]) -> Value | None:
        match = pattern.match(self.text, self.position)
        if match is None:
            return None
        start = self.position
        self.move(match.end())
        return Value(match.group(), start)

    def word(self) -> str:
        match = _WORD.match(self.text, self.position)
        return match.group() if match else ""

    def take_keyword(self, keyword: str) -> bool:
        return self.word() == keyword and self.take(keyword)

    def take(self, token: str) -> bool:
        if not self.text.startswith(token, self.position):
            return False
        self.move(self.position + len(token))
        return True

    def move(self, position: int) -> None:
        self.position = position
        self.skip_space()

    def skip_space(self) -> None:
        match = _SPACE.match(self.text, self.position)
        self.position = match.end() if match else self.position

    def found(self) -> str:
        if self.position == len(self.text):
            return "the end"
        return f"'{self.word() or self.text[self.position]}'"

    def joining_hint(self) -> str:
        return _hint(self.word(), ("and", "or"))

    def error(self, message: str) -> FilterError:
        return FilterError(message, self.position, self.text)


def _hint(word: str, known: frozenset[str] | tuple[str, ...]) -> str:
    foreign = _FOREIGN.get(word.lower(), "")
    return f"; did you mean '{foreign}'?" if foreign in known else suggestion(word, known)
