"""What a plain YAML scalar means: the core schema of YAML 1.2 as Go's yaml.v3 reads it, falcosidekick's reader.

So `on` and `yes` are text, `0777` is 511, `12:30` is text, `1e3` is a float and `1_000` is 1000. One difference: a
timestamp stays text, for no key holds one.
"""

import math
import re

_WORDS: dict[str, bool | float | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), math.nan),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), math.inf),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), -math.inf),
}
_INTEGER = re.compile(r"([-+]?)(?:0[xX]([0-9a-fA-F]+)|0[bB]([01]+)|0[oO]?([0-7]+)|(0|[1-9][0-9]*))", re.ASCII)
_BASES = (16, 2, 8, 10)
_FRACTION = re.compile(r"\.[0-9]+(_[0-9]+)*([eE][-+]?[0-9]+(_[0-9]+)*)?", re.ASCII)
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", re.ASCII)


def resolve(text: str) -> bool | int | float | str | None:
    """The value of a plain scalar; text that means nothing else is itself."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] in "+-0123456789":
        return _number(text)
    return _float(text, _FRACTION) if text[0] == "." else text


def _number(text: str) -> int | float | str:
    digits = text.replace("_", "")
    match = _INTEGER.fullmatch(digits)
    if match is not None:
        sign, *groups = match.groups()
        value = next(int(group, base) for group, base in zip(groups, _BASES, strict=True) if group)
        value = -value if sign == "-" else value
        if -(1 << 63) <= value < 1 << (63 if sign else 64):
            return value
    value = _float(digits, _FLOAT)
    return text if isinstance(value, str) else value


def _float(text: str, form: re.Pattern[str]) -> float | str:
    if form.fullmatch(text) is None:
        return text
    value = float(text)
    return text if math.isinf(value) else value
