"""A template's characters as tokens, by the rules of Go's text/template.

Spaces inside an action are tokens, because `$x .y` and `$x.y` differ. Trimming (`{{- ` and ` -}}`) is done here, so
that no later stage knows of it.
"""

import re
from collections.abc import Generator, Iterator
from typing import NamedTuple

from sidekick.sdk.template.error import TemplateError

KEYWORDS = frozenset({"block", "break", "continue", "define", "else", "end", "if", "range", "template", "with"})

_SPACES = " \t\r\n"
_CLOSE = re.compile(r"(?P<trim>[ \t\r\n]+-)?\}\}")
_COMMENT_CLOSE = re.compile(r"(?P<trim>[ \t\r\n]-)?\}\}")  # one space at most: Go looks right where the comment ends
_TOKEN = re.compile(
    r"""
      (?P<space>[ \t\r\n]+)
    | (?P<declare>:=)
    | (?P<assign>=)
    | (?P<pipe>\|)
    | (?P<string>"(?:[^"\\\n]|\\[^\n])*")
    | (?P<raw>`[^`]*`)
    | (?P<character>'(?:[^'\\\n]|\\[^\n])*')
    | (?P<number>[+-]?(?:0[xX][0-9a-fA-F_]*(?:\.[0-9a-fA-F_]*)?(?:[pP][+-]?[0-9_]*)?
        |0[oO][0-7_]*|0[bB][01_]*|(?:[0-9][0-9_]*(?:\.[0-9_]*)?|\.[0-9][0-9_]*)(?:[eE][+-]?[0-9_]*)?))
    | (?P<variable>\$\w*)
    | (?P<field>\.\w+)
    | (?P<dot>\.)
    | (?P<word>\w+)
    | (?P<left>\()
    | (?P<right>\))
    | (?P<comma>,)
    """,
    re.VERBOSE,
)
# What may stand right after a name: Go refuses `.a"b"` where it could have read two arguments.
_AFTER_NAME = re.compile(r"[ \t\r\n.,|:()]|\}\}|\Z")
_NAMES = frozenset({"variable", "field", "dot", "word"})


class Token(NamedTuple):
    """`kind` is a group name of the pattern above, or text, open, close, keyword, bool, nil or end."""

    kind: str
    text: str
    position: int


def tokens(text: str) -> Iterator[Token]:
    """The tokens of a whole template, `end` last; raises `TemplateError`."""
    position = 0
    trim = False
    while (start := text.find("{{", position)) >= 0:
        inside = start + 2
        trims_left = text.startswith("-", inside) and text[inside + 1 : inside + 2] in tuple(_SPACES)
        yield from _literal(text[position:start], position, trim, trims_left)
        inside += 2 if trims_left else 0
        if text.startswith("/*", inside):
            position, trim = _comment(text, inside)
            continue
        yield Token("open", "{{", start)
        close = yield from _action(text, inside)
        position, trim = close.end(), bool(close["trim"])
        yield Token("close", close.group(), close.start())
    yield from _literal(text[position:], position, trim, False)
    yield Token("end", "", len(text))


def _literal(text: str, position: int, trim_left: bool, trim_right: bool) -> Iterator[Token]:
    text = text.lstrip(_SPACES) if trim_left else text
    text = text.rstrip(_SPACES) if trim_right else text
    if text:
        yield Token("text", text, position)


def _comment(text: str, start: int) -> tuple[int, bool]:
    end = text.find("*/", start + 2)
    if end < 0:
        raise TemplateError(start, "unclosed comment")
    close = _COMMENT_CLOSE.match(text, end + 2)
    if close is None:
        raise TemplateError(end, "comment ends before closing delimiter")
    return close.end(), bool(close["trim"])


def _action(text: str, position: int) -> Generator[Token, None, re.Match[str]]:
    """The tokens up to the closing delimiter, which is the result."""
    depth = 0
    while (close := _CLOSE.match(text, position)) is None:
        token = _token(text, position)
        depth += {"left": 1, "right": -1}.get(token.kind, 0)
        if depth < 0:
            raise TemplateError(position, "unexpected right paren")
        yield token
        position += len(token.text)
    if depth:
        raise TemplateError(position, "unclosed left paren")
    return close


def _token(text: str, position: int) -> Token:
    match = _TOKEN.match(text, position)
    if match is None:
        raise TemplateError(position, _unreadable(text, position))
    kind, found = match.lastgroup or "", match.group()
    following = text[match.end() : match.end() + 1]
    if kind in _NAMES and not _AFTER_NAME.match(text, match.end()):
        raise TemplateError(match.end(), f"bad character {following!r}")
    if kind == "number" and (following.isalnum() or following in ("_", "+", "-")):
        raise TemplateError(position, f"bad number syntax: {found + following}")
    return Token(_word_kind(found) if kind == "word" else kind, found, position)


def _word_kind(word: str) -> str:
    if word in KEYWORDS:
        return "keyword"
    return {"true": "bool", "false": "bool", "nil": "nil"}.get(word, "word")


def _unreadable(text: str, position: int) -> str:
    character = text[position : position + 1]
    if not character:
        return "unclosed action"
    if character in "\"'`":
        return "unterminated quoted string"
    return f"unexpected {character!r} in action"
