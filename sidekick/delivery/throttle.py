"""No more messages than people can read: a token bucket, and what runs over it told as one a window."""

import time

from sidekick.delivery.digest import Clock, Outcome, Windows
from sidekick.event import Event


class TokenBucket:
    """Holds `burst` tokens at first and at most; `rate` come back each second."""

    def __init__(self, rate: float, burst: int, clock: Clock = time.monotonic) -> None:
        self._rate = rate
        self._burst = burst
        self._clock = clock
        self._tokens = float(burst)
        self._filled = clock()

    def take(self) -> bool:
        now = self._clock()
        self._tokens = min(self._burst, self._tokens + (now - self._filled) * self._rate)
        self._filled = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True


class Throttle:
    """Lets pass what the bucket allows."""

    outcome: Outcome = "throttled"
    _KEY = b""

    def __init__(self, bucket: TokenBucket, windows: Windows) -> None:
        self.windows = windows
        self._bucket = bucket

    def keeps(self, event: Event, seq: int) -> bool:
        """Whether the event waits for a digest."""
        if self._bucket.take():
            return False
        if not self.windows.gather(self._KEY, event, seq):
            self.windows.open(self._KEY)
            self.windows.gather(self._KEY, event, seq)
        return True
