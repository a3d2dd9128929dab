"""The networks that an administrator said are never blocked: a file, one a line."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from bpf.target import MalformedError, Network, Target


class AllowList:
    """Read once; every change is on the disk before `change` returns. A damaged line is left out."""

    def __init__(self, path: Path) -> None:
        self._path = path
        lines = path.read_text(errors="replace").splitlines() if path.exists() else []
        self._networks = {network for line in lines if (network := _network(line))}

    def __iter__(self) -> Iterator[Network]:
        return iter(self._networks)

    def change(self, networks: Iterable[Network], *, remove: bool = False) -> None:
        """Raises `OSError`, and nothing has changed then."""
        changed = self._networks - set(networks) if remove else self._networks | set(networks)
        new = self._path.with_suffix(".new")
        with new.open("w") as file:
            file.writelines(f"{network}\n" for network in sorted(map(str, changed)))
            file.flush()
            os.fsync(file.fileno())
        new.replace(self._path)
        self._networks = changed


def _network(line: str) -> Network | None:
    try:
        return Target.parse(line).network
    except MalformedError:
        return None
