"""Notices that files of the configuration have changed."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple


class Stamp(NamedTuple):
    modified_ns: int
    inode: int
    size: int


Mark = Stamp | None
"""How a file is at a moment; None for one that is not there."""


class Watch:
    """Compares files with how they were before they were read, and then at the last look.

    A link counts as what it points to, as Kubernetes changes mounted files by turning a link.
    """

    def __init__(self, files: Mapping[Path, Mark]) -> None:
        self._seen: dict[Path, Mark] = {}
        self._unsettled: dict[Path, Mark] = {}
        self.follow(files)

    def follow(self, files: Mapping[Path, Mark]) -> None:
        """These are the files from now on; what is known of those among them stays known."""
        self._seen = {file: self._seen.get(file, mark) for file, mark in files.items()}

    def changed(self, *, at_once: bool) -> set[Path]:
        """Files that have changed since this was last asked; unless `at_once`, without those that changed between the
        last two questions, for an editor may still be at work on them."""
        now = {file: mark_of(file) for file in self._seen}
        differing = {file: mark for file, mark in now.items() if mark != self._seen[file]}
        settled = {file for file, mark in differing.items() if at_once or self._unsettled.get(file, ()) == mark}
        self._unsettled = {file: mark for file, mark in differing.items() if file not in settled}
        self._seen |= {file: now[file] for file in settled}
        return settled


def mark_of(file: Path) -> Mark:
    try:
        found = os.stat(file)
    except OSError:
        return None
    return Stamp(found.st_mtime_ns, found.st_ino, found.st_size)
