"""What the log says of dead letters: a destination that refuses a million must not fill the disk that keeps them."""

import asyncio
import logging

from sidekick.event import Event
from sidekick.sdk.errors import DeliveryError

log = logging.getLogger(__name__)


class Notices:
    """Of one output: the first letter at once, then at most one line in `every` seconds for all that came meanwhile."""

    def __init__(self, output: str, every: float = 60.0) -> None:
        self._output = output
        self._every = every
        self._untold = 0
        self._last = ""
        self._timer: asyncio.TimerHandle | None = None

    def tell(self, event: Event, error: DeliveryError) -> None:
        self._untold += 1
        self._last = f"{event.uuid}: {error}"
        if self._timer is None:
            self._tell()

    def flush(self) -> None:
        """Says now what is left to say."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._log()

    def _tell(self) -> None:
        # Called by the loop too when the time is over, for the last of many are to be told though no other follows.
        self._timer = asyncio.get_running_loop().call_later(self._every, self._tell) if self._untold else None
        self._log()

    def _log(self) -> None:
        if self._untold == 1:
            log.warning("%s: dead letter %s", self._output, self._last)
        elif self._untold:
            log.warning("%s: %d more dead letters, the last %s", self._output, self._untold, self._last)
        self._untold = 0
