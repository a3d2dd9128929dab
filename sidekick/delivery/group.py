"""Equal alerts told twice at most: the first at once, all of them together when its window is over."""

from collections.abc import Sequence
from hashlib import blake2b

from sidekick.delivery.digest import Outcome, Windows
from sidekick.event import Event, encode_json
from sidekick.filter import field_reader


class Group:
    """Alerts are equal when the fields named by `by` are."""

    outcome: Outcome = "grouped"

    def __init__(self, by: Sequence[str], windows: Windows) -> None:
        self.windows = windows
        self._readers = [field_reader(name) for name in by]

    def keeps(self, event: Event, seq: int) -> bool:
        """Whether the event waits for a digest; if not it is the first of its kind, and to be sent."""
        key = self._key(event)
        if self.windows.gather(key, event, seq):
            return True
        self.windows.open(key, event.time)
        return False

    def _key(self, event: Event) -> bytes:
        """A hash, for a command line of many KiB may be part of it, and thousands of keys are kept."""
        return blake2b(encode_json([read(event) for read in self._readers]), digest_size=16).digest()
