"""The whole way: a real-shaped alert is POSTed to sidekick, and the kernel drops its source's packets."""

from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path

import pytest

from outputs.xdp import Xdp, XdpSettings
from sidekick.event import decode
from sidekick.sdk import Context, MisconfiguredError
from tests.bpf.host import Host
from tests.bpf.rounds import alert, post, rounds
from tests.bpf.wire import ATTACKER4, ATTACKER6, FRIEND4, GATEWAY4, HOST4, HOST6, Wire, reaches
from tests.deadline import wait_for
from tests.faults.sidekick import Sidekick

ROUNDS = 100
# On a machine that does other things at the same time; `python -m bench.xdp` measures.
LATEST = 0.1


@pytest.fixture
def host(wire: Wire, bpffs: Path, tmp_path: Path) -> Iterator[Host]:
    made = Host(wire, bpffs, tmp_path)
    made.run("attach", "-i", "eth0", "--mode", "link")
    outputs = tmp_path / "outputs.yaml"
    outputs.write_text(f"webhook: {{address: 'http://{FRIEND4}:8080/'}}\n")
    with made.serving("--rate", "1000", "--destinations", outputs):
        yield made
    made.run("detach")


@pytest.fixture
def sidekick(host: Host, tmp_path: Path) -> Iterator[Sidekick]:
    with Sidekick(tmp_path / "sidekick", xdp={"socket": str(host.socket), "ipv6prefix": 128}) as made:
        yield made


def test_from_alert_to_first_dropped_packet(host: Host, sidekick: Sidekick) -> None:
    taken = rounds(host, sidekick.port, ROUNDS)
    assert len(taken) == ROUNDS
    assert taken[ROUNDS // 2] < LATEST
    assert host.json("stats")["blocked"] == {"alert": ROUNDS}


def test_both_families_and_what_is_never_blocked(host: Host, sidekick: Sidekick) -> None:
    protected = (GATEWAY4, HOST4, FRIEND4, HOST6)
    special = ("127.0.0.1", "::1")
    with closing(HTTPConnection("127.0.0.1", sidekick.port, timeout=20)) as connection:
        for source in (*protected, *special, ATTACKER4, ATTACKER6):
            assert post(connection, alert(source)) == 200
    wait_for(lambda: len(host.json("decisions")) == 8, what="eight decisions")
    assert host.refused() == {"protected": len(protected), "special": len(special)}
    assert {row["target"] for row in host.json("list")} == {ATTACKER4, ATTACKER6}
    assert not reaches(host.wire, ATTACKER4)
    assert not reaches(host.wire, ATTACKER6, HOST6)
    assert reaches(host.wire, GATEWAY4)


async def test_nothing_attached_wants_a_person(host: Host) -> None:
    xdp = Xdp(XdpSettings(socket=str(host.socket)), Context())
    await xdp.connect()
    host.run("detach")
    with pytest.raises(MisconfiguredError, match="nothing is attached"):
        await xdp.send(decode(alert(ATTACKER4)))
    await xdp.close()
