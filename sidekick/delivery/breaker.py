"""When a destination is given up on for the moment, and how long to leave it alone before each new try."""

import random
from collections.abc import Callable

from sidekick.sdk.errors import MisconfiguredError, RetryableError
from sidekick.sdk.settings import Retry

FAILURES_TO_OPEN = 5
_DOUBLINGS = 20  # beyond this the bound is above any maximum, and 2**n need not grow for ever


class Breaker:
    """Counts consecutive failures. Closed: send whole batches. Open: knock with one event before the rest follows."""

    def __init__(self, retry: Retry, chance: Callable[[], float] = random.random) -> None:
        self._retry = retry
        self._chance = chance
        self.failures = 0
        self.open = False

    def answered(self) -> None:
        """The destination has taken something, or refused it for good: it is there."""
        self.failures = 0
        self.open = False

    def failed(self, error: RetryableError) -> float:
        """Seconds to pause before the next try: full jitter, or what the destination asked for if that is longer."""
        self.failures += 1
        self.open = self.open or self.failures >= FAILURES_TO_OPEN or isinstance(error, MisconfiguredError)
        bound = min(self._retry.maximum, self._retry.minimum * 2 ** min(self.failures - 1, _DOUBLINGS))
        return max(error.after or 0.0, self._chance() * bound)
