"""What every way of blocking offers: the kernel program's maps, an nftables set, or a list that blocks nothing."""

from collections.abc import Collection, Iterator, Mapping
from typing import Protocol

from bpf.schema import Entry
from bpf.target import Network, Target


class NotAttachedError(RuntimeError):
    """Nothing filters on this host, so a block would do nothing."""


class FullError(RuntimeError):
    """The back end holds as many entries of that kind as it was made for."""


class OverlapError(OSError):
    """One of these networks lies in another, or holds one, and the back end takes no such two. None was blocked."""


class Backend(Protocol):
    """One writer at a time. Every verb may raise `NotAttachedError`, and `OSError` for what the kernel refuses."""

    name: str

    def block(self, expiries: Mapping[Target, int]) -> None:
        """Drops packets from these until CLOCK_BOOTTIME reaches the value (nanoseconds).

        A target that is blocked already gets the new expiry and keeps its counters. Raises `FullError`, `OverlapError`.
        """
        ...

    def unblock(self, targets: Collection[Target]) -> None:
        """Forgets these; one that is not there is no error."""
        ...

    def allow(self, networks: Collection[Network]) -> None:
        """Makes the allow list exactly this: it wins over every block. Raises `FullError`."""
        ...

    def entries(self) -> Iterator[tuple[Target, Entry]]:
        """Everything that is blocked, with its counters; also what has expired and was not swept yet."""
        ...

    def totals(self) -> dict[str, tuple[int, int]]:
        """Packets and bytes by reason."""
        ...

    def capacity(self) -> dict[str, int]:
        """How many entries each kind (`schema.map_name`) can hold."""
        ...

    def close(self) -> None: ...
