"""A cursor's place on disk: a file of two slots, written in turn, so that a write cut short costs one step, not all."""

import os
from pathlib import Path
from typing import Self
from urllib.parse import quote, unquote
from zlib import crc32

SUFFIX = ".cursor"
_SLOT = 512  # a sector: what is written whole or not at all
_NUMBER = 8


class PositionFile:
    """The open file of one cursor."""

    def __init__(self, path: Path, fd: int, turn: int) -> None:
        self._path = path
        self._fd = fd
        self._turn = turn

    @classmethod
    def open(cls, path: Path) -> Self:
        """The file of that path, made when missing."""
        fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o640)
        first, second = _slots(os.pread(fd, 2 * _SLOT, 0))
        return cls(path, fd, _SLOT if first > second else 0)

    def write(self, position: int) -> None:
        """Keeps a position that is higher than the last; raises OSError."""
        number = position.to_bytes(_NUMBER, "little")
        os.pwrite(self._fd, number + _crc(number), self._turn)
        self._turn ^= _SLOT

    def close(self) -> None:
        os.close(self._fd)

    def remove(self) -> None:
        self.close()
        self._path.unlink(missing_ok=True)


def position_path(directory: Path, name: str) -> Path:
    """Where the cursor of that name is kept."""
    return directory / f"{quote(name, safe='')}{SUFFIX}"


def positions(directory: Path) -> dict[str, int | None]:
    """Every cursor kept in a journal, with its position, None where that is damaged."""
    paths = sorted(directory.glob(f"*{SUFFIX}"))
    return {unquote(path.name.removesuffix(SUFFIX)): _newest(path.read_bytes()) for path in paths}


def _newest(data: bytes) -> int | None:
    newest = max(_slots(data))
    return None if newest < 0 else newest


def _slots(data: bytes) -> tuple[int, int]:
    return _slot(data[:_SLOT]), _slot(data[_SLOT:])


def _slot(data: bytes) -> int:
    """The position in a slot, -1 if it is not whole."""
    number, crc = data[:_NUMBER], data[_NUMBER : _NUMBER + 4]
    return int.from_bytes(number, "little") if crc == _crc(number) else -1


def _crc(number: bytes) -> bytes:
    return crc32(number).to_bytes(4, "little")
