"""Attach, upgrade, detach: what they leave, and what they never touch."""

import subprocess
import time
from pathlib import Path

import pytest

from tests.bpf.flood import Flood
from tests.bpf.foreign import foreign
from tests.bpf.host import Host
from tests.bpf.wire import ATTACKER4, FRIEND4, Wire, ip, reaches
from tests.deadline import wait_for

UPGRADES = 60


@pytest.fixture
def host(wire: Wire, bpffs: Path, tmp_path: Path) -> Host:
    return Host(wire, bpffs, tmp_path)


def everything(host: Host) -> tuple[str, list[Path], str]:
    """The state of the interface, the bpffs and nftables."""
    shown = ip("-n", host.wire.host, "-details", "link", "show", "eth0")
    rules = subprocess.run(
        host.wire.command(host.wire.host, "nft", "list", "ruleset"), capture_output=True, text=True, check=True
    )
    return shown, sorted(host.pins.parent.rglob("*")), rules.stdout


def test_detach_leaves_all_as_it_was(host: Host) -> None:
    before = everything(host)
    for mode in ("link", "generic", "nftables"):
        host.run("attach", "-i", "eth0", "--mode", mode)
        assert everything(host) != before
        with host.serving():
            host.run("block", ATTACKER4)
        assert "eth0" in host.run("detach") or mode == "nftables"
        # The kernel frees a program a moment after its link.
        wait_for(lambda: everything(host) == before, within=5, what="the state from before")
        assert not list((host.home / "run").iterdir())


def test_detach_needs_neither_daemon_nor_record(host: Host) -> None:
    host.run("attach", "-i", "eth0", "--mode", "link")
    with host.serving() as daemon:
        host.run("block", ATTACKER4)
        daemon.kill()
        daemon.wait()
    (host.home / "run/attached.json").unlink()
    assert not reaches(host.wire, ATTACKER4)
    assert "detached from eth0" in host.run("detach")
    assert reaches(host.wire, ATTACKER4)
    assert "nothing was attached" in host.run("detach")


def test_removing_the_pin_is_the_emergency_brake(host: Host) -> None:
    host.run("attach", "-i", "eth0", "--mode", "link")
    with host.serving():
        host.run("block", ATTACKER4)
    assert not reaches(host.wire, ATTACKER4)
    (host.pins / "v1/links/eth0").unlink()
    wait_for(lambda: reaches(host.wire, ATTACKER4), within=5, what="no filter")
    host.run("detach")


def test_status_says_how_and_why(host: Host) -> None:
    assert "nothing is attached" in host.run("status", code=4)
    attached = host.json("attach", "-i", "eth0")
    assert attached[0]["mode"] in ("dispatcher", "link")
    assert attached[0]["mode"] == "dispatcher" or "dispatcher: " in attached[0]["why"][0]
    assert host.json("status") == attached
    host.run("detach")


def test_loopback_has_no_native_mode(host: Host) -> None:
    attached = host.json("attach", "-i", "lo")
    assert attached[0]["mode"] == "generic"
    assert any(reason.startswith("link: lo: ") for reason in attached[0]["why"])
    assert host.json("status") == attached
    host.run("detach")


def test_a_foreign_program_is_never_replaced(host: Host) -> None:
    with foreign(host):
        shown = ip("-n", host.wire.host, "-details", "link", "show", "eth0")
        for mode in ("link", "generic"):
            assert "another XDP program has the hook" in host.run("attach", "-i", "eth0", "--mode", mode, code=4)
        # auto takes the way that shares.
        attached = host.json("attach", "-i", "eth0")
        assert attached == [{"interface": "*", "mode": "nftables", "why": attached[0]["why"]}]
        assert "another XDP program has the hook of eth0" in attached[0]["why"][0]
        with host.serving():
            host.run("block", ATTACKER4)
            assert not reaches(host.wire, ATTACKER4)
        host.run("detach")
        assert ip("-n", host.wire.host, "-details", "link", "show", "eth0") == shown


def test_attaching_twice_is_refused_and_harmless(host: Host) -> None:
    host.run("attach", "-i", "eth0", "--mode", "link")
    with host.serving():
        host.run("block", ATTACKER4)
        assert "attached already" in host.run("attach", "-i", "eth0", "--mode", "link", code=4)
        assert not reaches(host.wire, ATTACKER4)
        assert len(host.json("list")) == 1
    host.run("detach")


def test_a_second_interface_shares_the_maps(host: Host) -> None:
    ip("-n", host.wire.host, "link", "add", "eth1.7", "type", "veth", "peer", "name", "eth1", "netns", host.wire.peer)
    host.run("attach", "-i", "eth0", "--mode", "link", "--addresses", "1000")
    host.run("attach", "-i", "eth1.7", "--mode", "link")
    assert {row["interface"] for row in host.json("status")} == {"eth0", "eth1.7"}
    with host.serving():
        host.run("block", ATTACKER4)
        assert host.json("stats")["fill"]["blocked4"] == [1, 1000]
        host.run("detach", "-i", "eth1.7")
        assert not reaches(host.wire, ATTACKER4)
    host.run("detach")


def test_an_unknown_interface_attaches_nothing(host: Host) -> None:
    before = everything(host)
    assert "no interface 'eth9'" in host.run("attach", "-i", "eth0", "-i", "eth9", code=4)
    assert everything(host) == before


def test_without_a_bpffs_it_says_so(wire: Wire, tmp_path: Path) -> None:
    host = Host(wire, tmp_path / "plain", tmp_path)
    assert "BPF FS" in host.run("attach", "-i", "eth0", "--mode", "link", code=4)
    assert not host.pins.exists()


def test_an_interface_that_is_gone(host: Host) -> None:
    host.run("attach", "-i", "eth0", "--mode", "link")
    ip("-n", host.wire.host, "link", "delete", "eth0")
    wait_for(lambda: host.json("status")[0]["mode"] == "defunct", within=5, what="a defunct link")
    assert "nothing to upgrade" in host.run("upgrade")
    host.run("detach")


def test_unconfirmed_means_detached(host: Host) -> None:
    soon = host.command("attach", "-i", "eth0", "--mode", "link", "--confirm", "1s")
    with subprocess.Popen(soon, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as attaching:
        assert attaching.wait(timeout=20) == 4
        assert attaching.stderr is not None
        assert "not confirmed: detached" in attaching.stderr.read()
    assert not host.pins.exists()
    command = host.command("attach", "-i", "eth0", "--mode", "link", "--confirm", "60s")
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as attaching:
        assert attaching.stderr is not None
        assert "press Enter within 60 s" in attaching.stderr.readline()
        assert "prog/xdp" in ip("-n", host.wire.host, "link", "show", "eth0")
        # Not even a chance to clean up: the link was this process's alone.
        attaching.kill()
    wait_for(lambda: "prog/xdp" not in ip("-n", host.wire.host, "link", "show", "eth0"), within=5, what="no program")
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as attaching:
        assert attaching.stderr is not None
        attaching.stderr.readline()
        attaching.communicate("\n", timeout=20)
    assert attaching.returncode == 0
    assert host.json("status")[0]["mode"] == "link"
    host.run("detach")


def test_sixty_upgrades_under_flood_let_nothing_through(host: Host) -> None:
    host.run("attach", "-i", "eth0", "--mode", "link")
    with host.serving():
        host.run("block", ATTACKER4)
        with Flood(host.wire, ATTACKER4) as flood:
            wait_for(lambda: flood.sent > 1000, what="the flood")
            for _ in range(UPGRADES):
                assert "upgraded: eth0" in host.run("upgrade")
            wait_for(lambda: flood.sent > 10_000, what="enough packets")
        row = host.json("list")[0]
        assert flood.delivered() == 0
        assert row["packets"] == flood.sent
        assert reaches(host.wire, FRIEND4, port=5354)
    host.run("detach")


LISTED = ["8.8.4.4", "8.8.8.0/24", "8.8.0.0/16", "9.9.9.9", "2a00:1450:4001::/48", "2a00:1450::/32"]
WIDEST = {"8.8.4.4", "8.8.0.0/16", "9.9.9.9", "2a00:1450::/32"}


def blocked(host: Host) -> set[str]:
    return {row["target"] for row in host.json("list")}


def test_a_network_that_nftables_refuses_because_it_lies_in_another_costs_itself_alone(
    host: Host, tmp_path: Path
) -> None:
    lines = tmp_path / "list"
    lines.write_text("\n".join(LISTED))
    host.run("attach", "-i", "eth0", "--mode", "nftables")
    with host.serving("--feed", lines, "--refresh", "0.2s"):
        wait_for(lambda: host.refused().get("failed", 0) >= 4, what="the feed twice")
        assert blocked(host) == WIDEST
        assert "overlaps" in host.run("block", "8.8.8.0/24", "9.9.9.8", code=1)
        assert "overlaps" in host.run("block", "8.8.0.0/15", "9.9.9.7", "8.10.1.0/24", "8.10.0.0/16", code=1)
        assert blocked(host) == WIDEST | {"9.9.9.8", "9.9.9.7", "8.10.0.0/16"}
        assert host.json("stats")["fill"]["networks4"][0] == 2
    host.run("detach")


def test_what_other_ways_of_blocking_have_left_is_no_hindrance_to_nftables(host: Host) -> None:
    host.run("attach", "-i", "eth0", "--mode", "link")
    with host.serving():
        host.run("block", *LISTED)
        assert blocked(host) == set(LISTED)
    host.run("detach")
    host.run("attach", "-i", "eth0", "--mode", "nftables")
    with host.serving():
        assert host.json("stats")["fill"]["networks4"][0] == 1
        host.run("clear")
        host.run("block", "8.8.8.0/24", "--for", "1s")
        until = host.json("list")[0]["until"]
        wait_for(lambda: time.time() > until + 0.5, what="its end")
        host.run("block", "8.8.0.0/16")
        wait_for(lambda: host.json("stats")["expired"] == 1, what="a sweep")
        assert blocked(host) == {"8.8.0.0/16"}
    host.run("detach")


def test_an_allow_list_that_the_kernel_has_no_room_for_stays_as_it_was(host: Host) -> None:
    host.run("attach", "-i", "eth0", "--mode", "link")
    with host.serving():
        host.run("allow", "8.8.8.8")
        more = [f"9.{number >> 8}.{number & 255}.0/24" for number in range(4200)]
        assert "4096" in host.run("allow", *more, code=1)
        host.run("block", "9.0.7.1")
        assert "on the allow list" in host.run("block", "8.8.8.8", code=1)
    with host.serving():
        assert "on the allow list" in host.run("block", "8.8.8.8", code=1)
        host.run("block", "9.0.7.2")
    host.run("detach")
