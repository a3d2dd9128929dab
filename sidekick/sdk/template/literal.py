"""Go's literals as values: strings, characters and numbers."""

import math
import re

from sidekick.sdk.template.error import TemplateError
from sidekick.sdk.template.lexer import Token

_ESCAPE = re.compile(
    rb"\\(?:(?P<simple>[abfnrtv\\'\"])|x(?P<byte>[0-9a-fA-F]{2})|(?P<octal>[0-3][0-7]{2})"
    rb"|u(?P<short>[0-9a-fA-F]{4})|U(?P<long>[0-9a-fA-F]{8})|(?P<bad>.?))",
    re.DOTALL,
)
_SIMPLE = {b"a": b"\a", b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t", b"v": b"\v"}
_OCTAL = re.compile(r"[+-]?0_?[0-7][0-7_]*")


def string(token: Token) -> str:
    """The text of a quoted or raw string, or of the one character in single quotes; raises `TemplateError`.

    Escapes may spell any bytes; what is not UTF-8 becomes U+FFFD, as it would on its way into JSON.
    """
    if token.kind == "raw":
        return token.text[1:-1].replace("\r", "")
    foreign = b"'" if token.kind == "string" else b'"'

    def unescaped(match: re.Match[bytes]) -> bytes:
        simple = match["simple"]
        if match["bad"] is not None or simple == foreign:
            raise TemplateError(token.position, "invalid syntax: unknown escape in string")
        if simple is not None:
            return _SIMPLE.get(simple, simple)
        if match["byte"] or match["octal"]:
            return bytes([int(match["byte"], 16) if match["byte"] else int(match["octal"], 8)])
        return _code_point(int(match["short"] or match["long"], 16), token)

    raw = token.text[1:-1].encode("utf-8", "replace")
    return _ESCAPE.sub(unescaped, raw).decode("utf-8", "replace")


def _code_point(number: int, token: Token) -> bytes:
    if number > 0x10FFFF or 0xD800 <= number < 0xE000:
        raise TemplateError(token.position, "invalid syntax: escape is no Unicode code point")
    return chr(number).encode()


def number(token: Token) -> int | float:
    """The value of a number or of a character; raises `TemplateError`. Integers are Go's 64-bit ones."""
    if token.kind == "character":
        return _character(token)
    text = token.text
    try:
        value = _real(text) if _is_real(text) else _integer(text)
    except (ValueError, OverflowError):
        raise TemplateError(token.position, f"bad number syntax: {text}") from None
    if isinstance(value, float) and not math.isfinite(value):
        raise TemplateError(token.position, f"bad number syntax: {text}")
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        raise TemplateError(token.position, f"{text} overflows int")
    return value


def _character(token: Token) -> int:
    character = string(token)
    if len(character) != 1:
        raise TemplateError(token.position, f"malformed character constant: {token.text}")
    return ord(character)


def _is_real(text: str) -> bool:
    hexadecimal = text.lstrip("+-")[:2].lower() == "0x"
    return any(letter in text for letter in (".pP" if hexadecimal else ".eE"))


def _real(text: str) -> float:
    if text.lstrip("+-")[:2].lower() != "0x":
        return float(text)
    if "p" not in text.lower():
        raise ValueError("hexadecimal mantissa requires a 'p' exponent")
    return float.fromhex(text)


def _integer(text: str) -> int:
    return int(text.replace("_", ""), 8) if _OCTAL.fullmatch(text) else int(text, 0)
