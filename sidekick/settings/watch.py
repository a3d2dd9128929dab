"""Notices that files of the configuration have changed."""

import os
from collections.abc import Iterable
from pathlib import Path

_Mark = tuple[int, int, int] | None


class Watch:
    """Compares files with what they were at the last look; a link counts as what it points to, as Kubernetes changes
    mounted files by turning a link."""

    def __init__(self, files: Iterable[Path]) -> None:
        self._seen: dict[Path, _Mark] = {}
        self._unsettled: dict[Path, _Mark] = {}
        self.follow(files)

    def follow(self, files: Iterable[Path]) -> None:
        """These are the files from now on; what is known of those among them stays known."""
        self._seen = {file: self._seen[file] if file in self._seen else _mark(file) for file in files}

    def changed(self, *, at_once: bool) -> set[Path]:
        """Files that have changed since this was last asked; unless `at_once`, without those that changed between the
        last two questions, for an editor may still be at work on them."""
        now = {file: _mark(file) for file in self._seen}
        differing = {file: mark for file, mark in now.items() if mark != self._seen[file]}
        settled = {file for file, mark in differing.items() if at_once or self._unsettled.get(file, ()) == mark}
        self._unsettled = {file: mark for file, mark in differing.items() if file not in settled}
        self._seen |= {file: now[file] for file in settled}
        return settled


def _mark(file: Path) -> _Mark:
    try:
        found = os.stat(file)
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino, found.st_size
