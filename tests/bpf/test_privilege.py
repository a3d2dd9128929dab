"""What may run without which privilege, held by the kernel and not by us."""

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bpf.host import Host
from tests.bpf.wire import ATTACKER4, ATTACKER6, HOST6, Wire, reaches

NOBODY, NOGROUP = "65534", "nogroup"
WITHOUT = ("setpriv", "--bounding-set=-all", "--inh-caps=-all", "--no-new-privs")
AS_NOBODY = (*WITHOUT, f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups")
# Root keeps of its capabilities what the bounding set lets through an exec.
TWO = ("setpriv", "--bounding-set=-all,+bpf,+net_admin", "--inh-caps=-all", "--no-new-privs")


@pytest.fixture
def host(wire: Wire) -> Iterator[Host]:
    """A host whose directories another user may enter, which pytest's own are not."""
    home = Path(tempfile.mkdtemp(prefix="sidekick-xdp-"))
    home.chmod(0o755)
    pins = home / "bpffs"
    pins.mkdir()
    subprocess.run(["mount", "-t", "bpf", "bpf", pins], check=True)
    for name in ("run", "state"):
        (home / name).mkdir()
        shutil.chown(home / name, int(NOBODY), int(NOBODY))
    yield Host(wire, pins, home)
    subprocess.run(["umount", pins], check=True)
    shutil.rmtree(home)


def test_the_daemon_needs_no_capability_and_is_an_ordinary_user(host: Host) -> None:
    host.run("attach", "-i", "eth0", "--mode", "link", "--group", NOGROUP)
    with host.serving(prefix=AS_NOBODY) as daemon:
        status = dict(
            line.split(":\t", 1)
            for line in Path(f"/proc/{daemon.pid}/status").read_text().splitlines()
            if ":\t" in line
        )
        assert status["Uid"].split() == [NOBODY] * 4
        assert {int(status[name], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {0}

        host.run("block", ATTACKER4, f"[{ATTACKER6}]:5353", "2001:db8:1::/56")
        assert not reaches(host.wire, ATTACKER4)
        assert host.json("stats")["totals"]["dropped_address"] == [1, 47]
        assert {row["target"] for row in host.json("list")} == {ATTACKER4, f"[{ATTACKER6}]:5353", "2001:db8:1::/56"}
        host.run("clear")
        assert reaches(host.wire, ATTACKER4)
        assert reaches(host.wire, ATTACKER6, HOST6)
    # What it may not do: take the filter off.
    for path in (host.pins / "v1/links/eth0", host.pins / "v1/totals"):
        assert subprocess.run([*AS_NOBODY, "rm", "-f", path], check=False, capture_output=True).returncode != 0
    host.run("detach")


def test_a_user_outside_the_group_cannot_serve(host: Host) -> None:
    host.run("attach", "-i", "eth0", "--mode", "link")
    done = subprocess.run(
        host.command("serve", prefix=AS_NOBODY), check=False, capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, "Traceback" in done.stderr) == (4, False), done.stderr
    assert "Permission denied" in done.stderr or "nothing is attached" in done.stderr
    host.run("detach")


def test_two_capabilities_are_enough_to_attach_upgrade_and_detach(host: Host) -> None:
    shutil.chown(host.home / "state", 0, 0)
    shutil.chown(host.home / "run", 0, 0)
    for arguments in (["attach", "-i", "eth0", "--mode", "link"], ["upgrade"]):
        done = subprocess.run(host.command(*arguments, prefix=TWO), capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
    with host.serving(prefix=WITHOUT):
        host.run("block", ATTACKER4)
        assert not reaches(host.wire, ATTACKER4)
    done = subprocess.run(host.command("detach", prefix=TWO), capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert reaches(host.wire, ATTACKER4)


def test_without_capabilities_nothing_is_attached(host: Host) -> None:
    done = subprocess.run(
        host.command("attach", "-i", "eth0", prefix=WITHOUT), check=False, capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, "Traceback" in done.stderr) == (4, False), done.stderr
    assert "Operation not permitted" in done.stderr
    assert not host.pins.exists()
