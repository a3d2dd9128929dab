"""Characters that nobody sees, but which make a terminal or a page show something else than a text says."""

import re

UNSEEN = re.compile("([\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff])")
"""Control characters but tab and line feed, and of Unicode's format characters those that no script or emoji needs."""


def number(character: str) -> str:
    """As Unicode writes it: U+202E."""
    return f"U+{ord(character):04X}"


def told(text: str) -> str:
    """The text, with the numbers of what nobody would see in it."""
    return UNSEEN.sub(lambda unseen: number(unseen[0]), text)
