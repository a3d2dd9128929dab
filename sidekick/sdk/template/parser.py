"""Tokens to tree. What Go refuses before it runs a template is refused here, and nothing else."""

from sidekick.sdk.template import literal
from sidekick.sdk.template.error import TemplateError
from sidekick.sdk.template.functions import FUNCTIONS, SHORT_CIRCUITS
from sidekick.sdk.template.lexer import Token, tokens
from sidekick.sdk.template.syntax import (
    Action,
    Body,
    Branch,
    Break,
    Call,
    Chain,
    Command,
    Continue,
    Definitions,
    Dot,
    Field,
    Function,
    Literal,
    Nil,
    Node,
    Operand,
    Pipe,
    Range,
    Text,
    Variable,
    is_blank,
)

# Actions and parentheses inside one another. Go takes more, but no person writes it, and Python's stack is not Go's.
MAX_DEPTH = 50

_OPERANDS = frozenset(
    {"bool", "character", "dot", "field", "word", "number", "nil", "raw", "string", "variable", "left"}
)


def parse(text: str) -> Definitions:
    """The tree of a template and of those that it defines; raises `TemplateError`."""
    return _Parser(text).whole()


class _Parser:
    def __init__(self, text: str) -> None:
        self.tokens = list(tokens(text))
        self.index = 0
        self.depth = 0
        self.named: dict[str, Body] = {}
        self.variables = [""]
        self.ranges = 0

    def whole(self) -> Definitions:
        nodes: list[Node] = []
        while (token := self.next()).kind != "end":
            if token.kind == "text":
                nodes.append(Text(token.text))
            elif (word := self.keyword()) == "define":
                self.definition()
            elif word in ("end", "else"):
                raise TemplateError(token.position, f"unexpected {{{{{word}}}}}")
            else:
                nodes.append(self.action(word, token))
        return Definitions(tuple(nodes), self.named)

    def body(self) -> tuple[Body, str]:
        """Nodes up to an `end` or `else`, which is returned too and already past; its delimiter is not."""
        self.descend()
        nodes: list[Node] = []
        while (token := self.next()).kind != "end":
            if token.kind == "text":
                nodes.append(Text(token.text))
                continue
            word = self.keyword()
            if word in ("end", "else"):
                self.depth -= 1
                return tuple(nodes), word
            nodes.append(self.action(word, token))
        raise TemplateError(token.position, "unexpected EOF")

    def final_body(self) -> Body:
        """A body that only `end` may close."""
        body, word = self.body()
        if word != "end":
            raise self.error("expected end; found {{else}}")
        self.expect("close", "end")
        return body

    def own_body(self) -> Body:
        """The body of a named template, which sees no variable and no range around it."""
        outer = self.variables, self.ranges
        self.variables, self.ranges = [""], 0
        body = self.final_body()
        self.variables, self.ranges = outer
        return body

    def action(self, word: str, start: Token) -> Node:
        match word:
            case "if" | "with":
                return self.branch(word)
            case "range":
                return self.range()
            case "break" | "continue":
                return self.leave(word, start)
            case "template":
                return self.call()
            case "block":
                return self.block()
            case "":
                return Action(self.pipeline("command"))
            case _:
                raise TemplateError(start.position, f"unexpected {{{{{word}}}}}")

    def branch(self, word: str) -> Branch:
        mark = len(self.variables)
        arms: list[tuple[Pipe, Body]] = []
        otherwise: Body = ()
        while True:
            pipe = self.pipeline(word)
            body, closing = self.body()
            arms.append((pipe, body))
            if closing == "else" and self.keyword(word):
                continue
            self.expect("close", closing)
            if closing == "else":
                otherwise = self.final_body()
            del self.variables[mark:]
            return Branch(tuple(arms), otherwise, moves_dot=word == "with")

    def range(self) -> Range:
        mark = len(self.variables)
        pipe = self.pipeline("range")
        self.ranges += 1
        body, closing = self.body()
        self.ranges -= 1
        self.expect("close", closing)
        otherwise = self.final_body() if closing == "else" else ()
        del self.variables[mark:]
        return Range(pipe, body, otherwise)

    def leave(self, word: str, start: Token) -> Node:
        self.expect("close", word)
        if not self.ranges:
            raise TemplateError(start.position, f"{{{{{word}}}}} outside {{{{range}}}}")
        return Break() if word == "break" else Continue()

    def definition(self) -> None:
        name = self.name("define clause")
        self.expect("close", "define clause")
        self.add(name, self.own_body())

    def call(self) -> Call:
        name = self.name("template clause")
        if self.peek_word().kind == "close":
            self.next_word()
            return Call(name, None)
        return Call(name, self.pipeline("template clause"))

    def block(self) -> Call:
        name = self.name("block clause")
        pipe = self.pipeline("block clause")
        self.add(name, self.own_body())
        return Call(name, pipe)

    def add(self, name: str, body: Body) -> None:
        known = self.named.get(name, ())
        if is_blank(known):
            self.named[name] = body
        elif not is_blank(body):
            raise self.error(f"multiple definition of template {name!r}")

    def name(self, context: str) -> str:
        token = self.next_word()
        if token.kind not in ("string", "raw"):
            raise self.unexpected(token, context)
        return literal.string(token)

    def pipeline(self, context: str, end: str = "close") -> Pipe:
        variables, assigns = self.declarations(context)
        commands: list[Command] = []
        while (token := self.peek_word()).kind != end:
            if token.kind not in _OPERANDS:
                raise self.unexpected(token, context)
            command = self.command()
            if commands and isinstance(command.head, Literal | Dot | Nil):
                raise TemplateError(token.position, f"non executable command in pipeline stage {len(commands) + 1}")
            commands.append(command)
        if not commands:
            raise TemplateError(token.position, f"missing value for {context}")
        self.next_word()
        return Pipe(tuple(commands), variables, assigns)

    def declarations(self, context: str) -> tuple[tuple[str, ...], bool]:
        names: list[str] = []
        while (token := self.peek_word()).kind == "variable":
            start = self.index
            self.next_word()
            after = self.peek_word()
            if after.kind not in ("assign", "declare", "comma"):
                self.index = start
                break
            self.next_word()
            names.append(token.text[1:])
            self.variables.append(names[-1])
            if after.kind != "comma":
                return tuple(names), after.kind == "assign"
            if context != "range" or len(names) == 2:
                raise TemplateError(after.position, f"too many declarations in {context}")
            if self.peek_word().kind not in ("variable", "close", "right"):
                raise TemplateError(after.position, "range can only initialize variables")
        return tuple(names), False

    def command(self) -> Command:
        operands: list[Operand] = []
        while True:
            if (operand := self.operand()) is not None:
                operands.append(operand)
            token = self.next()
            if token.kind in ("close", "right"):
                self.index -= 1
            elif token.kind == "space":
                continue
            elif token.kind != "pipe":
                raise self.unexpected(token, "operand")
            if not operands:
                raise TemplateError(token.position, "empty command")
            return Command(operands[0], tuple(operands[1:]))

    def operand(self) -> Operand | None:
        token = self.peek_word()
        if token.kind not in _OPERANDS:
            return None
        term = self.term(self.next_word())
        names: list[str] = []
        while self.tokens[self.index].kind == "field":
            names.append(self.next().text[1:])
        if not names:
            return term
        match term:
            case Field(first):
                return Field((*first, *names))
            case Variable(name):
                return Variable(name, tuple(names))
            case Literal() | Nil() | Dot():
                raise TemplateError(token.position, f"unexpected . after term {token.text}")
            case _:
                return Chain(term, tuple(names))

    def term(self, token: Token) -> Operand:
        match token.kind:
            case "dot":
                return Dot()
            case "nil":
                return Nil()
            case "field":
                return Field((token.text[1:],))
            case "bool":
                return Literal(token.text == "true")
            case "number" | "character":
                return Literal(literal.number(token))
            case "string" | "raw":
                return Literal(literal.string(token))
            case "variable":
                return self.variable(token)
            case "word":
                return self.function(token)
            case _:
                return self.parenthesis()

    def variable(self, token: Token) -> Variable:
        if token.text[1:] not in self.variables:
            raise TemplateError(token.position, f"undefined variable {token.text}")
        return Variable(token.text[1:])

    def function(self, token: Token) -> Function:
        if token.text not in FUNCTIONS and token.text not in SHORT_CIRCUITS:
            raise TemplateError(token.position, f"function {token.text!r} not defined")
        return Function(token.text)

    def parenthesis(self) -> Pipe:
        self.descend()
        pipe = self.pipeline("parenthesized pipeline", "right")
        self.depth -= 1
        return pipe

    def next(self) -> Token:
        token = self.tokens[self.index]
        self.index += 1
        return token

    def peek_word(self) -> Token:
        """The next token that is no space; spaces before it are passed."""
        while self.tokens[self.index].kind == "space":
            self.index += 1
        return self.tokens[self.index]

    def next_word(self) -> Token:
        self.peek_word()
        return self.next()

    def keyword(self, only: str = "") -> str:
        """The keyword that comes next, passed, or nothing; with `only`, no other counts."""
        token = self.peek_word()
        if token.kind != "keyword" or (only and token.text != only):
            return ""
        return self.next().text

    def expect(self, kind: str, context: str) -> None:
        token = self.next_word()
        if token.kind != kind:
            raise self.unexpected(token, context)

    def descend(self) -> None:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise self.error(f"nested deeper than {MAX_DEPTH} levels")

    def unexpected(self, token: Token, context: str) -> TemplateError:
        shown = repr(token.text) if token.text else "EOF"
        return TemplateError(token.position, f"unexpected {shown} in {context}")

    def error(self, message: str) -> TemplateError:
        return TemplateError(self.tokens[max(self.index - 1, 0)].position, message)
