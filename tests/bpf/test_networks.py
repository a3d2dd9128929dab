"""Sets of networks, and what nftables is given of them, beside the standard library's own arithmetic."""

from ipaddress import IPv4Network, collapse_addresses, ip_network

from hypothesis import given
from hypothesis import strategies as st

from bpf.networks import Networks
from bpf.nftables import collapsed
from bpf.target import Network

# Few addresses, so that networks meet.
NETWORKS: st.SearchStrategy[Network] = st.builds(
    lambda address, length: ip_network((address << 24, length), strict=False),
    st.integers(0, 7),
    st.integers(0, 32),
)


@given(st.sets(NETWORKS), NETWORKS)
def test_holding_is_subnet_of_any(members: set[IPv4Network], asked: IPv4Network) -> None:
    holder = Networks(dict.fromkeys(members, "")).holding(asked)
    assert (holder is not None) == any(asked.subnet_of(member) for member in members)
    assert holder is None or asked.subnet_of(IPv4Network(holder))


@given(st.sets(NETWORKS))
def test_a_set_without_overlaps_has_the_same_addresses(members: set[IPv4Network]) -> None:
    kept = [IPv4Network(network) for network in collapsed(members)]
    assert not any(one.overlaps(other) for one in kept for other in kept if one is not other)
    assert list(collapse_addresses(kept)) == list(collapse_addresses(members))
