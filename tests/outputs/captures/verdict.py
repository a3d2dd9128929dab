"""The verdict on each recorded request: matched, differing for a known reason, not applicable, or wrong."""

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from functools import cache
from pathlib import Path
from typing import Any

from tests.outputs.captures.comparison import differences
from tests.outputs.captures.recording import Capture, Recording
from tests.outputs.captures.sending import Sent, sent

_KNOWN = Path(__file__).with_name("differences.toml")


class Outcome(Enum):
    MATCHED = "matched"
    DIFFERING = "differing"
    NOT_APPLICABLE = "not applicable"
    WRONG = "WRONG"


@dataclass(frozen=True)
class Known:
    """A difference with its reason. `*` in a name or path stands for anything; without paths: not applicable."""

    reason: str
    outputs: tuple[str, ...]
    variants: tuple[str, ...] = ("*",)
    inputs: tuple[str, ...] = ("*",)
    paths: tuple[str, ...] = ()
    moved: dict[str, str] = field(default_factory=dict[str, str])

    def covers(self, output: str, capture: Capture) -> bool:
        return (
            _any(self.outputs, output)
            and _any(self.variants, capture.variant)
            and _any(self.inputs, capture.input or "start")
        )


@dataclass(frozen=True)
class Verdict:
    output: str
    capture: Capture
    outcome: Outcome
    paths: tuple[str, ...] = ()
    reasons: tuple[Known, ...] = ()


@cache
def known() -> tuple[Known, ...]:
    document = tomllib.loads(_KNOWN.read_text())
    return tuple(Known(**_frozen(entry)) for entry in document["difference"])


def _frozen(entry: dict[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in entry.items()}


async def verdicts(recording: Recording, variant: str) -> list[Verdict]:
    """The verdicts on all requests that falcosidekick sent with one configuration."""
    captures = [capture for capture in recording.captures if capture.variant == variant]
    applicable = [capture for capture in captures if not _inapplicable(recording.output, capture)]
    ours = await sent(recording, variant) if applicable else {}
    queues = {name: iter(requests) for name, requests in ours.items()}
    found: list[Verdict] = []
    for capture in captures:
        if reasons := _inapplicable(recording.output, capture):
            found.append(Verdict(recording.output, capture, Outcome.NOT_APPLICABLE, reasons=reasons))
        else:
            found.append(_verdict(recording.output, capture, next(queues.get(capture.input, iter(())), None)))
    return found


def _inapplicable(output: str, capture: Capture) -> tuple[Known, ...]:
    return tuple(entry for entry in known() if not (entry.paths or entry.moved) and entry.covers(output, capture))


def _verdict(output: str, capture: Capture, ours: Sent | None) -> Verdict:
    entries = [entry for entry in known() if entry.covers(output, capture)]
    if ours is None:
        return Verdict(output, capture, Outcome.WRONG, ("nothing was sent",))
    moved = {path: place for entry in entries for path, place in entry.moved.items()}
    paths = tuple(differences(capture, ours, moved))
    reasons = tuple(entry for entry in entries if entry.moved or any(_any(entry.paths, path) for path in paths))
    unknown = tuple(path for path in paths if not any(_any(entry.paths, path) for entry in entries))
    if unknown:
        return Verdict(output, capture, Outcome.WRONG, unknown, reasons)
    return Verdict(output, capture, Outcome.DIFFERING if reasons else Outcome.MATCHED, paths, reasons)


def _any(patterns: tuple[str, ...], text: str) -> bool:
    return any(_glob(pattern).fullmatch(text) for pattern in patterns)


@cache
def _glob(pattern: str) -> re.Pattern[str]:
    return re.compile(".*".join(map(re.escape, pattern.split("*"))), re.DOTALL)


def variants(recordings: Iterator[Recording]) -> Iterator[tuple[Recording, str]]:
    return ((recording, variant) for recording in recordings for variant in recording.configurations)
