"""The back end that blocks nothing: what would be blocked can be listed and counted before anything is dropped."""

from collections.abc import Collection, Iterator, Mapping

from bpf import schema
from bpf.schema import Entry
from bpf.target import Network, Target


class DryRun:
    name = "dry-run"

    def __init__(self) -> None:
        self._entries: dict[Target, Entry] = {}
        self.allowed: frozenset[Network] = frozenset()

    def block(self, expiries: Mapping[Target, int]) -> None:
        self._entries |= {target: Entry(expires) for target, expires in expiries.items()}

    def unblock(self, targets: Collection[Target]) -> None:
        for target in targets:
            self._entries.pop(target, None)

    def allow(self, networks: Collection[Network]) -> None:
        self.allowed = frozenset(networks)

    def entries(self) -> Iterator[tuple[Target, Entry]]:
        yield from list(self._entries.items())

    def totals(self) -> dict[str, tuple[int, int]]:
        return dict.fromkeys(schema.REASONS, (0, 0))

    def capacity(self) -> dict[str, int]:
        return dict.fromkeys(schema.BLOCK_MAPS, 1_000_000)

    def close(self) -> None:
        """Holds nothing."""
