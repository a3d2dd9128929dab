"""Whether a target may be blocked: what keeps a mistake, or a forged alert, from cutting off the host."""

from collections import deque
from dataclasses import dataclass, field
from ipaddress import ip_network

from bpf.networks import Networks
from bpf.target import Network, Target

ALERT = "alert"
# Narrowest networks by origin: an alert names one host or its /64, a list may name a provider.
WIDEST_ALERT = {4: 24, 6: 48}
WIDEST = {4: 8, 6: 16}
MINUTE = 60.0
# ip_network has no such property: 0.0.0.0/8 is "this network" and 255.255.255.255 reaches everyone (RFC 6890).
_NEVER = Networks(
    {
        ip_network("0.0.0.0/8"): "this network",
        ip_network("255.255.255.255"): "broadcast",
    }
)
# What a list's network may hold beside globally routable addresses, in which case ip_network calls it global.
_LOCAL = {
    4: [ip_network(text) for text in ("100.64.0.0/10", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16")],
    6: [ip_network("::1")],
}


@dataclass(frozen=True)
class Refusal:
    """`code` is counted, `message` is for people."""

    code: str
    message: str


REFUSALS = ("malformed", "special", "protected", "not_global", "too_wide", "rate", "full", "failed")


@dataclass
class Policy:
    """`included` networks may be blocked though they are not globally routable; `rate` is new blocks a minute."""

    included: Networks = field(default_factory=Networks)
    rate: int = 60
    protected: Networks = field(default_factory=Networks)
    _recent: deque[float] = field(default_factory=deque[float])

    def refuses(self, target: Target, origin: str) -> Refusal | None:
        """Why not, or None. Pure: `spend` counts what was then blocked."""
        network = target.network
        special = _special(network)
        if special:
            return Refusal("special", f"{target} is {special} and is never blocked")
        holder = self.protected.holding(network)
        if holder:
            return Refusal("protected", f"{target} is protected: {self.protected.why(holder)}")
        local = _local(network)
        if local and not self.included.holding(network):
            what = "is" if local == network else f"holds {local}, which is"
            message = f"{target} {what} not globally routable; `serve --include` takes such networks in"
            return Refusal("not_global", message)
        widest = (WIDEST_ALERT if origin == ALERT else WIDEST)[network.version]
        if network.prefixlen < widest:
            return Refusal("too_wide", f"{target} is wider than /{widest}, the most that {origin} may block")
        return None

    def spend(self, now: float) -> Refusal | None:
        """Takes one new block that an alert asked for, on a monotonic clock in seconds, or says that none is left."""
        while self._recent and self._recent[0] <= now - MINUTE:
            self._recent.popleft()
        if len(self._recent) >= self.rate:
            return Refusal("rate", f"{self.rate} new blocks within a minute is the cap")
        self._recent.append(now)
        return None


def _local(network: Network) -> Network | None:
    """What of it is not globally routable: all, or a network inside."""
    if not network.is_global:
        return network
    # Nearly all are single addresses, and lists have 100,000 of them.
    inside = (local for local in _LOCAL[network.version] if network.prefixlen < local.prefixlen)
    return next((local for local in inside if local.supernet(new_prefix=network.prefixlen) == network), None)


def _special(network: Network) -> str:
    holder = _NEVER.holding(network)
    if holder:
        return _NEVER.why(holder)
    kinds = ("loopback", "multicast", "link_local", "unspecified")
    return next((kind.replace("_", "-") for kind in kinds if getattr(network, f"is_{kind}")), "")
