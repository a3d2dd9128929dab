"""What is remembered of each output over a restart: from which alert on it is known, and who has paused it."""

import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock

import msgspec

from sidekick.sdk.file import replace_file

log = logging.getLogger(__name__)


class Pause(msgspec.Struct, frozen=True):
    """`at` is RFC 3339, UTC."""

    by: str
    at: str


class Known(msgspec.Struct, frozen=True):
    """One output. Alerts numbered below `since` came before it was known."""

    since: int
    paused: Pause | None = None


_decode = msgspec.json.Decoder(dict[str, Known]).decode


class Roster:
    """The outputs in a file; a file that cannot be read is one that knows nothing, and is said in the log."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known = _read(path)
        self._lock = Lock()  # people's changes are written by other threads

    def settle(self, positions: Mapping[str, int]) -> None:
        """Makes these the outputs that are known, each with the number of its next alert where it is new."""
        with self._lock:
            known = {name: self._known.get(name) or Known(position) for name, position in positions.items()}
            if known != self._known:
                self._known = known
                try:
                    self._keep(known)
                except OSError as error:  # costs an answer of "unknown" some day: no reason not to deliver
                    log.warning("%s cannot be written: %s", self._path, error.strerror)

    def since(self, name: str) -> int | None:
        known = self._known.get(name)
        return known.since if known else None

    def paused(self, name: str) -> Pause | None:
        known = self._known.get(name)
        return known.paused if known else None

    def pause(self, name: str, by: str) -> None:
        """Raises KeyError for an output that is not known, OSError; nothing has changed then."""
        at = datetime.now(UTC).isoformat(timespec="seconds")
        self._set(name, Pause(by, at))

    def resume(self, name: str) -> None:
        """The same."""
        self._set(name, None)

    def _set(self, name: str, paused: Pause | None) -> None:
        with self._lock:
            self._keep(self._known | {name: Known(self._known[name].since, paused)})

    def _keep(self, known: dict[str, Known]) -> None:
        replace_file(self._path, msgspec.json.encode(known))
        self._known = known


def _read(path: Path) -> dict[str, Known]:
    try:
        return _decode(path.read_bytes())
    except FileNotFoundError:
        return {}
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
        log.warning("%s cannot be read, so no output is paused: %s", path, error)
        return {}
