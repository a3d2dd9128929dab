"""What falcosidekick sent: one file of recorded requests an output, by configuration and alert."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

DATA = Path(__file__).parents[2] / "data" / "captures"


@dataclass(frozen=True)
class Capture:
    """One request. `input` is the alert's file, None for what is sent at the start; `body` is the text on the wire."""

    variant: str
    transport: str
    method: str
    path: str
    headers: Mapping[str, str]
    input: str | None = None
    host: str | None = None
    body: Any = None
    volatile: frozenset[str] = frozenset()
    """Paths whose values differ between two sends of one alert."""
    notes: Mapping[str, str] = field(default_factory=dict[str, str])
    """How they differ."""


@dataclass(frozen=True)
class Recording:
    output: str
    configurations: Mapping[str, Mapping[str, Any]]
    environments: Mapping[str, Mapping[str, str]]
    captures: tuple[Capture, ...]

    def inputs(self, variant: str) -> list[str]:
        """The alerts of a configuration, in the order they were sent."""
        captures = (capture for capture in self.captures if capture.variant == variant)
        return list(dict.fromkeys(capture.input for capture in captures if capture.input is not None))


def recordings() -> Iterator[Recording]:
    for path in sorted(DATA.glob("*.json")):
        document = json.loads(path.read_text())
        if isinstance(document, dict) and "captures" in document:
            yield _recording(document)


def _recording(document: dict[str, Any]) -> Recording:
    captures = tuple(_capture(dict(capture)) for capture in document["captures"])
    return Recording(document["output"], document["configs"], document.get("env", {}), captures)


def _capture(raw: dict[str, Any]) -> Capture:
    volatile = frozenset(raw.pop("volatile", ()))
    notes = raw.pop("volatile_notes", {})
    known = {name: raw[name] for name in Capture.__dataclass_fields__ if name in raw}
    return Capture(**known, volatile=volatile, notes=notes)
