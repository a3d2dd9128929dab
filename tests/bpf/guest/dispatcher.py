"""libxdp's dispatcher, on a kernel that has program extensions: `make -C bpf test-guest` gives it a machine."""

import subprocess
from pathlib import Path

import pytest

from tests.bpf.foreign import foreign
from tests.bpf.host import Host
from tests.bpf.wire import ATTACKER4, FRIEND4, Wire, ip, reaches
from tests.deadline import wait_for


@pytest.fixture
def host(wire: Wire, bpffs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    # libxdp pins by interface index, which repeats across namespaces.
    monkeypatch.setenv("LIBXDP_BPFFS", str(bpffs))
    return Host(wire, bpffs, tmp_path)


def programs(host: Host) -> str:
    command = host.wire.command(host.wire.host, "xdp-loader", "status", "eth0")
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def test_auto_shares_the_hook(host: Host) -> None:
    before = ip("-n", host.wire.host, "-details", "link", "show", "eth0")
    assert host.json("attach", "-i", "eth0") == [{"interface": "eth0", "mode": "dispatcher", "why": []}]
    assert host.json("status")[0]["mode"] == "dispatcher"
    with host.serving():
        host.run("block", ATTACKER4)
        assert not reaches(host.wire, ATTACKER4)
        other(host, "load")
        assert "xdp_block" in programs(host)
        assert not reaches(host.wire, ATTACKER4)
        assert reaches(host.wire, FRIEND4, port=5354)

        assert "upgraded: eth0" in host.run("upgrade")
        assert programs(host).count("xdp_block") == 1
        assert not reaches(host.wire, ATTACKER4)
        assert len(host.json("list")) == 1
    assert "detached from eth0" in host.run("detach")
    wait_for(lambda: reaches(host.wire, ATTACKER4), within=30, what="no filter")
    assert "xdp_block" not in programs(host)
    assert "xdpfilt" in programs(host)
    other(host, "unload")
    wait_for(lambda: ip("-n", host.wire.host, "-details", "link", "show", "eth0") == before, within=30, what="no trace")
    assert not host.pins.exists()


def other(host: Host, verb: str) -> None:
    """Somebody else's program, loaded and unloaded by its own tool, beside ours."""
    command = host.wire.command(host.wire.host, "xdp-filter", verb, "eth0")
    subprocess.run(command, check=True, capture_output=True, text=True)


def test_a_program_without_dispatcher_is_left_alone(host: Host) -> None:
    with foreign(host):
        shown = ip("-n", host.wire.host, "-details", "link", "show", "eth0")
        assert "hook" in host.run("attach", "-i", "eth0", "--mode", "dispatcher", code=4)
        assert ip("-n", host.wire.host, "-details", "link", "show", "eth0") == shown
