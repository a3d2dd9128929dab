"""A cursor's place on disk: a file of two slots, written in turn, so that a write cut short costs one step, not all.

    position 8 | crc32 4 | a bit for each number from the position on, set where it is done 500         (little endian)

The CRC covers the position and the bits up to the last one that is set.
"""

import errno
import os
from collections.abc import Collection
from pathlib import Path
from typing import Self
from urllib.parse import quote, unquote
from zlib import crc32

SUFFIX = ".cursor"
_SLOT = 512  # a sector: what is written whole or not at all
_NUMBER = 8
_HEAD = _NUMBER + 4
MOST_AHEAD = (_SLOT - _HEAD) * 8


class PositionFile:
    """The open file of one cursor; `ahead` are the numbers that it held as done though its position is not behind."""

    def __init__(self, path: Path, fd: int, turn: int, ahead: frozenset[int]) -> None:
        self.ahead = ahead
        self._path = path
        self._fd = fd
        self._turn = turn

    @classmethod
    def open(cls, path: Path) -> Self:
        """The file of that path, made when missing."""
        fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o640)
        first, second = _slots(_content(path))
        position, bits = max(first, second)
        ahead = frozenset(position + at for at in range(bits.bit_length()) if bits >> at & 1)
        return cls(path, fd, _SLOT if first > second else 0, ahead)

    def write(self, position: int, ahead: Collection[int] = ()) -> None:
        """Keeps a position that is not below the last, and up to `MOST_AHEAD` behind it what else is done.

        Raises OSError.
        """
        number = position.to_bytes(_NUMBER, "little")
        done = _bits(position, ahead) if ahead else b""
        os.pwrite(self._fd, (number + _crc(number + done) + done).ljust(_SLOT, b"\0"), self._turn)
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
    return {unquote(path.name.removesuffix(SUFFIX)): _newest(_content(path)) for path in paths}


def first_undone(directory: Path) -> int:
    """The number above all that any cursor has as done, which may be more than the journal still has."""
    return max((sum(_end(_content(path))) for path in directory.glob(f"*{SUFFIX}")), default=0)


def _content(path: Path) -> bytes:
    """Nothing where the disk does not give it: a place that is lost costs a resend, not the start."""
    try:
        return path.read_bytes()
    except OSError as error:
        if error.errno != errno.EIO:
            raise
        return b""


def _end(data: bytes) -> tuple[int, int]:
    position, bits = max(_slots(data))
    return max(position, 0), bits.bit_length()


def _newest(data: bytes) -> int | None:
    newest, _ = max(_slots(data))
    return None if newest < 0 else newest


def _bits(position: int, ahead: Collection[int]) -> bytes:
    bits = sum(1 << one - position for one in ahead)
    return bits.to_bytes((bits.bit_length() + 7) // 8, "little")


def _slots(data: bytes) -> tuple[tuple[int, int], tuple[int, int]]:
    return _slot(data[:_SLOT]), _slot(data[_SLOT : 2 * _SLOT])


def _slot(data: bytes) -> tuple[int, int]:
    """The position in a slot and its bits, -1 if it is not whole."""
    number, crc, done = data[:_NUMBER], data[_NUMBER:_HEAD], data[_HEAD:].rstrip(b"\0")
    if crc != _crc(number + done):
        return -1, 0
    return int.from_bytes(number, "little"), int.from_bytes(done, "little")


def _crc(covered: bytes) -> bytes:
    return crc32(covered).to_bytes(4, "little")
