"""How Go's fmt writes one text or number under a verb, flags, width and precision."""

import math
from dataclasses import dataclass
from decimal import Decimal

_BASES = {"d": 10, "v": 10, "b": 2, "o": 8, "O": 8, "x": 16, "X": 16}
_PREFIXES = {"b": "0b", "o": "0", "x": "0x", "X": "0X"}
_LETTERS = {"\a": "a", "\b": "b", "\f": "f", "\n": "n", "\r": "r", "\t": "t", "\v": "v", "\\": "\\"}


@dataclass(frozen=True, slots=True)
class Layout:
    """One directive of a format. `width` may be negative, which asks for padding on the right."""

    verb: str
    flags: str = ""
    width: int | None = None
    precision: int | None = None

    @property
    def left(self) -> bool:
        return "-" in self.flags or (self.width or 0) < 0

    @property
    def zeros(self) -> bool:
        return "0" in self.flags and not self.left

    @property
    def go_syntax(self) -> bool:
        return self.verb == "v" and "#" in self.flags

    def sign(self, negative: bool) -> str:
        return "-" if negative else "+" if "+" in self.flags else " " if " " in self.flags else ""


def pad(text: str, layout: Layout, zeros: bool | None = None) -> str:
    width = abs(layout.width or 0)
    if layout.left:
        return text.ljust(width)
    return text.rjust(width, "0" if (layout.zeros if zeros is None else zeros) else " ")


def string_text(text: str, layout: Layout) -> str:
    if layout.precision is not None and layout.verb not in "xX":
        text = text[: max(layout.precision, 0)]
    if layout.verb == "q":
        raw = "#" in layout.flags and "`" not in text and text.isprintable()
        text = f"`{text}`" if raw else go_quoted(text, only_ascii="+" in layout.flags)
    elif layout.verb in "xX":
        text = _hexadecimal(text.encode("utf-8", "replace"), layout)
    return pad(text, layout)


def _hexadecimal(data: bytes, layout: Layout) -> str:
    if layout.precision is not None:
        data = data[: max(layout.precision, 0)]
    prefix = "0x" if "#" in layout.flags and data else ""
    text = prefix + (data.hex(" ").replace(" ", f" {prefix}") if " " in layout.flags else data.hex())
    return text.upper() if layout.verb == "X" else text


def go_quoted(text: str, quote: str = '"', only_ascii: bool = False) -> str:
    """The text as a Go literal in double (or single) quotes."""
    return quote + "".join(_quoted_character(char, quote, only_ascii) for char in text) + quote


def _quoted_character(char: str, quote: str, only_ascii: bool) -> str:
    if char == quote or char in _LETTERS:
        return f"\\{_LETTERS.get(char, char)}"
    if char.isprintable() and (char.isascii() or not only_ascii):
        return char
    if char.isascii():
        return f"\\x{ord(char):02x}"
    return f"\\u{ord(char):04x}" if ord(char) < 0x10000 else f"\\U{ord(char):08x}"


def integer_text(value: int, layout: Layout) -> str | None:
    """An integer; nothing if the verb is not one for integers."""
    value = int(value)
    verb = layout.verb
    if verb in _BASES:
        return _based(value, layout)
    if verb in "cq":
        char = chr(value) if 0 <= value <= 0x10FFFF and not 0xD800 <= value < 0xE000 else "\ufffd"
        return pad(char if verb == "c" else go_quoted(char, "'", "+" in layout.flags), layout)
    if verb == "U":
        shown = f"{value % 2**64:04X}".rjust(layout.precision or 0, "0")
        return pad(
            f"U+{shown}" + (f" {go_quoted(chr(value), chr(39))}" if _shows(value, layout) else ""), layout, False
        )
    return None


def _shows(value: int, layout: Layout) -> bool:
    return "#" in layout.flags and 0 <= value <= 0x10FFFF and chr(value).isprintable()


def _based(value: int, layout: Layout) -> str:
    digits = _digits(abs(value), _BASES[layout.verb])
    sign = layout.sign(value < 0)
    zeros = layout.precision
    if zeros is None and layout.zeros:
        zeros = (layout.width or 0) - len(sign)
    elif zeros == 0 and value == 0:
        return pad("", layout, False)
    digits = digits.rjust(zeros or 0, "0")
    prefix = "0o" if layout.verb == "O" else _PREFIXES.get(layout.verb, "") if "#" in layout.flags else ""
    if prefix == "0" and digits.startswith("0"):
        prefix = ""
    return pad(sign + prefix + (digits.upper() if layout.verb == "X" else digits), layout, False)


def _digits(value: int, base: int) -> str:
    return format(value, {10: "d", 2: "b", 8: "o", 16: "x"}[base])


def float_text(value: float, layout: Layout) -> str | None:
    """A real number; nothing if the verb is not one for them."""
    if layout.verb not in "vgGeEfF":
        return None
    sign = layout.sign(math.copysign(1, value) < 0)
    if not math.isfinite(value):
        shown = "NaN" if math.isnan(value) else (sign or "+") + "Inf"
        return pad(shown, layout, False)
    digits = _real_digits(abs(value), layout)
    if layout.zeros:
        digits = digits.rjust((layout.width or 0) - len(sign), "0")
    return pad(sign + digits, layout, False)


def _real_digits(value: float, layout: Layout) -> str:
    verb = "g" if layout.verb == "v" else layout.verb
    if verb in "gG" and layout.precision is None:
        return _shortest(value, verb)
    precision = 6 if layout.precision is None else max(layout.precision, 0)
    return format(value, f".{precision}{verb}")


def _shortest(value: float, verb: str) -> str:
    """As few digits as name this number; with an exponent below 1e-4 and from 1e6 on."""
    _, digits, exponent = Decimal(repr(value)).normalize().as_tuple()
    scale = len(digits) - 1 + int(exponent)
    if -4 <= scale < 6:
        return format(Decimal(repr(value)).normalize(), "f")
    mantissa = "".join(map(str, digits))
    point = "." if len(mantissa) > 1 else ""
    return f"{mantissa[0]}{point}{mantissa[1:]}{'e' if verb == 'g' else 'E'}{scale:+03d}"
