"""The key that was probably meant by one that does not exist: misspelt, or written at the wrong place."""

from collections.abc import Iterable
from difflib import SequenceMatcher

_MOST = 3
# How alike two last parts must be, in the same section and elsewhere; names without their dots, as a whole.
_SAME_SECTION, _ELSEWHERE, _AS_A_WHOLE = 0.6, 0.7, 0.8


def suggest(name: str, known: Iterable[str]) -> tuple[str, ...]:
    """The nearest known names, best first; more than one only where they are equally near, none if none is."""
    scores = {candidate: _score(name, candidate) for candidate in known}
    best = max(scores.values(), default=0.0)
    near = [candidate for candidate, score in scores.items() if best and score >= best - 0.01]
    return tuple(near) if len(near) <= _MOST else ()


def _score(name: str, candidate: str) -> float:
    """How likely one dotted name was meant by another: the last part counts most, then where it stands; 0 for not."""
    parent, _, leaf = name.rpartition(".")
    other_parent, _, other_leaf = candidate.rpartition(".")
    likeness = _alike(leaf, other_leaf)
    if likeness >= (_SAME_SECTION if parent == other_parent else _ELSEWHERE):
        return _weighed(likeness, parent, other_parent)
    # `awss3`, `aws_s3` and `otlp-traces` are misspelt as a whole.
    whole = _alike(_letters(name), _letters(candidate))
    return 1.2 * whole if whole >= _AS_A_WHOLE else 0.0


def _weighed(likeness: float, parent: str, other: str) -> float:
    """A slip of the finger in the right section is likelier than one a level off, and that than another section."""
    if parent == other:
        return likeness + 0.4
    if parent and other.startswith(f"{parent}."):
        return likeness + 0.2
    if not parent or not other or parent.startswith(f"{other}."):
        return likeness + 0.1
    return 0.8 * likeness + 0.1 * _alike(parent, other)


def _alike(one: str, other: str) -> float:
    """From 0 to 1; a word that is part of the other counts as its short form."""
    if one == other:
        return 1.0
    if len(one) >= 3 and one in other:
        return 0.7 + 0.3 * len(one) / len(other)
    matcher = SequenceMatcher(None, one, other)
    return matcher.ratio() if matcher.real_quick_ratio() >= 0.5 and matcher.quick_ratio() >= 0.5 else 0.0


def _letters(name: str) -> str:
    return name.translate({ord(sign): None for sign in "._-"})
