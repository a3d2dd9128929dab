"""The tree of a template."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Dot:
    pass


@dataclass(frozen=True, slots=True)
class Nil:
    pass


@dataclass(frozen=True, slots=True)
class Literal:
    value: str | int | float | bool


@dataclass(frozen=True, slots=True)
class Field:
    """`.a.b`"""

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Variable:
    """`$x.a.b`, without the dollar; the root is the empty name."""

    name: str
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Function:
    name: str


@dataclass(frozen=True, slots=True)
class Chain:
    """`(…).a.b`"""

    operand: "Operand"
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Command:
    """A first word and its arguments."""

    head: "Operand"
    arguments: tuple["Operand", ...]


@dataclass(frozen=True, slots=True)
class Pipe:
    """Commands, each giving its value to the next as last argument, and the variables that get the result."""

    commands: tuple[Command, ...]
    variables: tuple[str, ...] = ()
    assigns: bool = False


Operand = Dot | Nil | Literal | Field | Variable | Function | Chain | Pipe


@dataclass(frozen=True, slots=True)
class Text:
    text: str


@dataclass(frozen=True, slots=True)
class Action:
    pipe: Pipe


@dataclass(frozen=True, slots=True)
class Branch:
    """`if` (`moves_dot` false) or `with`, with its `else if` or `else with` arms."""

    arms: tuple[tuple[Pipe, "Body"], ...]
    otherwise: "Body"
    moves_dot: bool


@dataclass(frozen=True, slots=True)
class Range:
    pipe: Pipe
    body: "Body"
    otherwise: "Body"


@dataclass(frozen=True, slots=True)
class Break:
    pass


@dataclass(frozen=True, slots=True)
class Continue:
    pass


@dataclass(frozen=True, slots=True)
class Call:
    """`{{template "name" pipeline}}`"""

    name: str
    pipe: Pipe | None


Node = Text | Action | Branch | Range | Break | Continue | Call
Body = tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Definitions:
    """The body of a whole template, and the named ones that it defines."""

    body: Body
    named: dict[str, Body] = field(default_factory=dict[str, Body])


def is_blank(body: Body) -> bool:
    """Whether a body is nothing but space, in which case Go lets a later definition replace it."""
    return all(isinstance(node, Text) and not node.text.strip() for node in body)
