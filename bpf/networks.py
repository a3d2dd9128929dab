"""A set of networks that answers in microseconds whether one of them holds an address."""

from collections.abc import Iterator, Mapping

from bpf.target import Network


class Networks:
    """Each network with the reason for which it is in the set."""

    def __init__(self, why: Mapping[Network, str] | None = None) -> None:
        self._why = dict(why or {})
        self._lengths = {
            version: sorted({network.prefixlen for network in self._why if network.version == version})
            for version in (4, 6)
        }

    def __iter__(self) -> Iterator[Network]:
        return iter(self._why)

    def holding(self, network: Network) -> Network | None:
        """The widest member that holds the whole of `network`."""
        for length in self._lengths[network.version]:
            if length > network.prefixlen:
                break
            wider = network.supernet(new_prefix=length)
            if wider in self._why:
                return wider
        return None

    def why(self, network: Network) -> str:
        return self._why[network]
