"""The key that was probably meant by one that does not exist: misspelt, or written at the wrong place."""

from collections.abc import Iterable
from difflib import SequenceMatcher

_NEAR = 0.7
_NEAR_AS_A_WHOLE = 0.8
_MOST = 3


def suggest(name: str, known: Iterable[str]) -> tuple[str, ...]:
    """The nearest known names, best first; more than one only where they are equally near, none if none is."""
    scores = {candidate: _score(name, candidate) for candidate in known}
    best = max(scores.values(), default=0.0)
    near = [candidate for candidate, score in scores.items() if best >= _NEAR and score >= best - 0.01]
    return tuple(near) if len(near) <= _MOST else ()


def _score(name: str, candidate: str) -> float:
    """How alike two dotted names are, from 0 to about 1.3: the last part counts most, then where it stands."""
    parent, _, leaf = name.rpartition(".")
    other_parent, _, other_leaf = candidate.rpartition(".")
    likeness = _alike(leaf, other_leaf)
    if likeness >= _NEAR or parent == other_parent:
        return likeness + _nearness(parent, other_parent)
    # `awss3`, `aws_s3` and `otlp-traces` are misspelt as a whole.
    whole = _alike(_letters(name), _letters(candidate))
    return whole if whole >= _NEAR_AS_A_WHOLE else 0.0


def _nearness(parent: str, other: str) -> float:
    """A bonus for standing in the same section, or one around or inside it, or one of a like name."""
    if parent == other:
        return 0.2
    if f"{parent}.".startswith(f"{other}.") or f"{other}.".startswith(f"{parent}."):
        return 0.15
    return 0.1 * _alike(parent, other)


def _alike(one: str, other: str) -> float:
    if one == other:
        return 1.0
    if min(len(one), len(other)) >= 3 and (one in other or other in one):
        return 0.75
    matcher = SequenceMatcher(None, one, other)
    return matcher.ratio() if matcher.real_quick_ratio() >= 0.5 and matcher.quick_ratio() >= 0.5 else 0.0


def _letters(name: str) -> str:
    return name.translate({ord(sign): None for sign in "._-"})
