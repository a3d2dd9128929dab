"""What was written for one key, and where."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sidekick.settings.key import Key
from sidekick.settings.problem import NOWHERE, Place, Problem
from sidekick.settings.watch import Mark, mark_of


@dataclass(frozen=True)
class Entry:
    """A key with the value that a file or a variable gives it: text, or what a list, map or tree holds."""

    key: Key
    value: Any
    place: Place


@dataclass
class Entries:
    """What one source holds, what is wrong with it, and what is only odd."""

    found: dict[str, Entry] = field(default_factory=dict[str, Entry])
    places: dict[str, Place] = field(default_factory=dict[str, Place])
    """Where each name stands, those inside maps and lists included."""
    problems: list[Problem] = field(default_factory=list[Problem])
    warnings: list[Problem] = field(default_factory=list[Problem])
    files: dict[Path, Mark] = field(default_factory=dict[Path, Mark])
    """Those that were read, as they were just before."""

    def reads(self, file: Path) -> None:
        self.files.setdefault(file, mark_of(file))

    def add(self, entry: Entry) -> None:
        self.found[entry.key.name] = entry
        self.places.setdefault(entry.key.name, entry.place)

    def of(self, section: str) -> list[Entry]:
        """The entries that one section's model validates."""
        return [entry for entry in self.found.values() if entry.key.section == section]

    def place(self, section: str, location: Iterable[str | int]) -> Place:
        """Where the value at that way into the section was written, or what is nearest to it around or below it."""
        name = ".".join(filter(None, (section, *map(str, location))))
        while name:
            below = (place for at, place in self.places.items() if at.startswith(f"{name}."))
            if found := self.places.get(name) or next(below, None):
                return found
            name = name.rpartition(".")[0]
        return NOWHERE
