"""Durations as people write them: `90s`, `30m`, `1h30m`, `7d`."""

import re

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_PART = re.compile(r"(\d+(?:\.\d+)?)([smhd])")


def parse(text: str) -> float:
    """Seconds. Raises `ValueError`."""
    parts = _PART.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise ValueError(f"{text!r} is not a duration such as 90s, 30m, 1h30m or 7d")
    return sum(float(number) * UNITS[unit] for number, unit in parts)


def show(seconds: float) -> str:
    """The two largest units."""
    rest, parts = max(0, round(seconds)), list[str]()
    for unit in ("d", "h", "m", "s"):
        count, rest = divmod(rest, UNITS[unit])
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts[:2]) or "0s"
