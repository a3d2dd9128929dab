"""Failed logins by address: whoever fails too often waits."""

import time
from collections import OrderedDict
from collections.abc import Callable
from ipaddress import IPv6Address, ip_address

_MOST_ADDRESSES = 10_000


class Attempts:
    """At most `most` failures in `window` seconds from one IPv4 address or one IPv6 network of /64, as one host has.

    A login that works takes none of them back, or who has one password could guess at others for ever.
    """

    def __init__(self, most: int = 10, window: float = 300.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = most
        self._window = window
        self._clock = clock
        self._failures: OrderedDict[str, tuple[float, int]] = OrderedDict()
        """When the first of them was and how many there are since; the one that began last is last."""

    def wait(self, address: str) -> float:
        """Seconds until that address may try again; 0 if at once."""
        first, count = self._failures.get(_place(address), (0.0, 0))
        return max(0.0, first + self._window - self._clock()) if count >= self._most else 0.0

    def failed(self, address: str) -> None:
        place, now = _place(address), self._clock()
        first, count = self._failures.get(place, (now, 0))
        if now - first >= self._window:
            del self._failures[place]
            first, count = now, 0
        self._failures[place] = first, count + 1
        if len(self._failures) > _MOST_ADDRESSES:
            self._failures.popitem(last=False)

    def succeeded(self, address: str) -> None:
        """What was counted as a failure before it was known is none."""
        place = _place(address)
        if known := self._failures.get(place):
            self._failures[place] = known[0], known[1] - 1


def _place(address: str) -> str:
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return ""
    if isinstance(parsed, IPv6Address):
        return str(parsed.ipv4_mapped or int(parsed) >> 64)
    return str(parsed)
