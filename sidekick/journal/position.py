"""A cursor's place on disk: a file of two slots, written in turn, so that a write cut short costs one step, not all."""

import os
import struct
from pathlib import Path
from typing import Self
from urllib.parse import quote, unquote
from zlib import crc32

SUFFIX = ".cursor"
_SLOT = 512  # a sector: what is written whole or not at all
_POSITION = struct.Struct("<QI")


class PositionFile:
    """The open file of one cursor."""

    def __init__(self, path: Path, fd: int) -> None:
        self.path = path
        self._fd = fd
        self._turn = 0

    @classmethod
    def open(cls, path: Path) -> Self:
        """The file of that path, made when missing."""
        return cls(path, os.open(path, os.O_RDWR | os.O_CREAT, 0o640))

    def read(self) -> int | None:
        """The position last written; None when the file holds none that is whole."""
        return _newest(os.pread(self._fd, 2 * _SLOT, 0))

    def write(self, position: int) -> None:
        """Keeps a position that is higher than the last; raises OSError."""
        number = position.to_bytes(8, "little")
        os.pwrite(self._fd, number + crc32(number).to_bytes(4, "little"), self._turn)
        self._turn ^= _SLOT

    def close(self) -> None:
        os.close(self._fd)

    def remove(self) -> None:
        self.close()
        self.path.unlink(missing_ok=True)


def position_path(directory: Path, name: str) -> Path:
    """Where the cursor of that name is kept."""
    return directory / f"{quote(name, safe='')}{SUFFIX}"


def positions(directory: Path) -> dict[str, int | None]:
    """Every cursor kept in a journal, with its position, None where that is damaged."""
    paths = sorted(directory.glob(f"*{SUFFIX}"))
    return {unquote(path.name.removesuffix(SUFFIX)): _newest(path.read_bytes()) for path in paths}


def _newest(data: bytes) -> int | None:
    found: list[int] = []
    for slot in (data[:_SLOT], data[_SLOT:]):
        if len(slot) >= _POSITION.size:
            position, crc = _POSITION.unpack_from(slot)
            if crc == crc32(slot[:8]):
                found.append(position)
    return max(found, default=None)
