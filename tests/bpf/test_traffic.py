"""Real packets between two hosts, through every way of blocking that this kernel has; the same tests for each."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bpf import packets
from tests.bpf.host import Host
from tests.bpf.packets import frame, ipv4, ipv6
from tests.bpf.wire import (
    ATTACKER4,
    ATTACKER6,
    FRIEND4,
    GATEWAY4,
    HOST4,
    HOST6,
    Wire,
    arriving,
    ip,
    reaches,
)
from tests.deadline import wait_for

MODES = ("link", "generic", "nftables")


@pytest.fixture(params=MODES)
def host(request: pytest.FixtureRequest, wire: Wire, bpffs: Path, tmp_path: Path) -> Iterator[Host]:
    made = Host(wire, bpffs, tmp_path)
    made.run("attach", "-i", "eth0", "--mode", request.param)
    with made.serving():
        yield made
    made.run("detach")


def test_a_source_is_blocked_and_let_pass_again(host: Host) -> None:
    assert reaches(host.wire, ATTACKER4)
    assert reaches(host.wire, ATTACKER6, HOST6)

    host.run("block", ATTACKER4, ATTACKER6, "--reason", "test")
    assert not reaches(host.wire, ATTACKER4)
    assert not reaches(host.wire, ATTACKER6, HOST6)

    rows = {row["target"]: row for row in host.json("list")}
    assert rows.keys() == {ATTACKER4, ATTACKER6}
    assert rows[ATTACKER4]["packets"] == 1
    assert rows[ATTACKER4]["reason"] == "test"
    totals = host.json("stats")["totals"]
    assert totals["dropped_address"][0] == 2

    host.run("unblock", ATTACKER4)
    assert reaches(host.wire, ATTACKER4)
    assert not reaches(host.wire, ATTACKER6, HOST6)
    host.run("clear")
    assert reaches(host.wire, ATTACKER6, HOST6)
    assert host.json("list") == []


def test_a_block_ends(host: Host) -> None:
    host.run("block", ATTACKER4, "--for", "2s")
    assert not reaches(host.wire, ATTACKER4)
    wait_for(lambda: reaches(host.wire, ATTACKER4), within=10, what="the end of a block of two seconds")
    assert host.json("list") == []


def test_one_port_of_one_source(host: Host) -> None:
    host.run("block", ATTACKER4, "--port", "5353")
    host.run("block", f"[{ATTACKER6}]:5353")
    assert not reaches(host.wire, ATTACKER4)
    assert not reaches(host.wire, ATTACKER6, HOST6)
    assert reaches(host.wire, ATTACKER4, port=5354)
    assert reaches(host.wire, ATTACKER6, HOST6, port=5354)
    host.run("unblock", f"{ATTACKER4}:5353")
    assert reaches(host.wire, ATTACKER4)


def test_a_network_with_a_host_that_is_allowed(host: Host) -> None:
    host.run("allow", FRIEND4)
    host.run("block", "192.0.2.64/26")
    # The friend of `reaches` lies in that network, and its datagram must arrive.
    assert not reaches(host.wire, ATTACKER4)
    host.run("allow", "--remove", FRIEND4)
    host.run("unblock", "192.0.2.64/26")
    assert reaches(host.wire, ATTACKER4)


@pytest.mark.parametrize("mode", ["link", "generic"])
def test_tagged_frames(wire: Wire, bpffs: Path, tmp_path: Path, mode: str) -> None:
    host = Host(wire, bpffs, tmp_path)
    host.run("attach", "-i", "eth0", "--mode", mode)
    with host.serving():
        host.run("block", ATTACKER4, ATTACKER6)
        tagged = [
            frame(ipv4(ATTACKER4), packets.IPV4, packets.VLAN),
            frame(ipv6(ATTACKER6), packets.IPV6, packets.QINQ, packets.VLAN),
            frame(ipv4(FRIEND4), packets.IPV4, packets.VLAN),
        ]
        assert arriving(wire, tagged) == [tagged[2]]
        assert [row["packets"] for row in host.json("list")] == [1, 1]
    host.run("detach")


def test_blocking_again_extends_and_keeps_the_counters(host: Host) -> None:
    host.run("block", ATTACKER4, "--for", "30m")
    assert not reaches(host.wire, ATTACKER4)
    first = host.json("list")[0]
    host.run("block", ATTACKER4, "--for", "2h")
    second = host.json("list")[0]
    assert second["until"] > first["until"] + 3600
    assert second["since"] == first["since"]
    assert host.json("stats")["blocked"] == {"manual": 1}
    host.run("block", ATTACKER4, "--for", "1m")
    assert host.json("list")[0]["until"] == second["until"]
    assert not reaches(host.wire, ATTACKER4)


def test_a_restart_of_the_daemon_changes_nothing(wire: Wire, bpffs: Path, tmp_path: Path) -> None:
    host = Host(wire, bpffs, tmp_path)
    for mode in MODES:
        host.run("attach", "-i", "eth0", "--mode", mode)
        with host.serving():
            host.run("block", ATTACKER4, "--reason", mode)
        assert not reaches(wire, ATTACKER4)
        with host.serving():
            assert not reaches(wire, ATTACKER4)
            assert host.json("list")[0]["reason"] == mode
            host.run("unblock", ATTACKER4)
        assert reaches(wire, ATTACKER4)
        host.run("detach")


def test_what_must_stay_reachable_is_never_blocked(wire: Wire, bpffs: Path, tmp_path: Path) -> None:
    host = Host(wire, bpffs, tmp_path)
    outputs = tmp_path / "sidekick.yaml"
    outputs.write_text(f"elasticsearch:\n  hostport: http://{FRIEND4}:9200\nkafka: {{hostport: '192.0.2.78:9092'}}\n")
    host.run("attach", "-i", "eth0", "--mode", "link", "--destinations", outputs)
    with host.serving("--destinations", outputs, "--protect", "localhost"):
        reasons = {
            GATEWAY4: "gateway",
            HOST4: "address of this host",
            HOST6: "address of this host",
            FRIEND4: "a destination in sidekick.yaml",
            "192.0.2.78": "a destination in sidekick.yaml",
            "127.0.0.1": "loopback",
            "::1": "loopback",
            "fe80::1": "link-local",
            "224.0.0.1": "multicast",
            "0.0.0.0": "this network",
            "255.255.255.255": "broadcast",
            "10.0.0.1": "not globally routable",
        }
        for address, reason in reasons.items():
            assert reason in host.run("block", address, code=1), address
        assert host.refused() == {"protected": 5, "special": 6, "not_global": 1}
        assert host.json("list") == []
        # In the kernel too: a block of a whole network leaves the gateway alone.
        host.run("block", "192.0.2.0/24")
        assert not reaches(wire, ATTACKER4)
        assert reaches(wire, GATEWAY4)
        # A new address of this host is protected as soon as it is there.
        host.run("unblock", "192.0.2.0/24")
        ip("-n", wire.host, "address", "add", "192.0.2.99/24", "dev", "eth0")
        wait_for(lambda: "192.0.2.99/32" in host.json("allow"), within=10, what="the new address on the list")
    host.run("detach")
