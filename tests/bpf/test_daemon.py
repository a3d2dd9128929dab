"""The daemon behind its socket: what it judges, what it answers, whom it lets in. One that only tries is enough."""

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.bpf.host import COMMAND, Host
from tests.bpf.wire import Wire
from tests.deadline import wait_for

ATTACKER = "8.8.4.4"


class Line:
    """A client that says whatever it likes."""

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(20)
        self._socket.connect(str(path))
        self._answers = self._socket.makefile("rb")

    def raw(self, line: bytes) -> dict[str, Any]:
        self._socket.sendall(line)
        return json.loads(self._answers.readline())

    def ask(self, verb: str, **fields: Any) -> dict[str, Any]:
        return self.raw(json.dumps({"verb": verb, **fields}).encode() + b"\n")

    def block(
        self, *addresses: str, origin: str = "alert", dry_run: bool = False, **fields: Any
    ) -> list[dict[str, Any]]:
        entries = [{"address": address, **fields} for address in addresses]
        return self.ask("block", entries=entries, origin=origin, dry_run=dry_run)["outcomes"]

    def close(self) -> None:
        self._answers.close()
        self._socket.close()


@pytest.fixture
def host(wire: Wire, tmp_path: Path) -> Host:
    return Host(wire, tmp_path / "none", tmp_path)


@pytest.fixture
def line(host: Host) -> Iterator[Line]:
    with host.serving("--dry-run", "--rate", "5", "--longest", "2h"), closing(Line(host.socket)) as made:
        yield made


def codes(outcomes: list[dict[str, Any]]) -> list[str]:
    return [outcome.get("refused", "") for outcome in outcomes]


@pytest.mark.parametrize(
    "rubbish",
    [
        b"\n",
        b"rubbish\n",
        b"\xff\xfe\n",
        b"[]\n",
        b'"block"\n',
        b'{"verb": "format"}\n',
        b'{"verb": "block"}\n',
        b'{"verb": "block", "entries": 7}\n',
        b'{"verb": "block", "entries": [{"address": 7}]}\n',
        b'{"verb": "block", "entries": [], "unknown": 1}\n',
        b'{"verb": "unblock", "addresses": ["nowhere"]}\n',
        b'{"verb": "allow", "networks": ["192.0.2.1:80"]}\n',
        b'{"verb": "list", "limit": "all"}\n',
        b"[" * 100_000 + b"\n",
    ],
    ids=range(14),
)
def test_rubbish_gets_a_sentence_and_the_connection_goes_on(line: Line, rubbish: bytes) -> None:
    answer = line.raw(rubbish)
    assert answer["error"] == "malformed"
    assert answer["message"]
    assert codes(line.block(ATTACKER)) == [""]


def test_each_target_is_judged_by_itself(line: Line) -> None:
    outcomes = line.block(ATTACKER, "nowhere", "10.0.0.1", "127.0.0.1", "192.0.2.1", "8.8.0.0/16", "8.8.8.0/24")
    assert codes(outcomes) == ["", "malformed", "not_global", "special", "protected", "too_wide", ""]
    assert all(outcome["message"] for outcome in outcomes if "refused" in outcome)
    stats = line.ask("stats")["stats"]
    assert {code: count for code, count in stats["refused"].items() if count} == dict.fromkeys(
        ("malformed", "not_global", "special", "protected", "too_wide"), 1
    )
    assert stats["blocked"] == {"alert": 2}


def test_people_may_block_wider_networks_than_alerts(line: Line) -> None:
    assert codes(line.block("8.8.0.0/16", "2a00:1450::/32", origin="manual")) == ["", ""]
    assert codes(line.block("8.0.0.0/7", "2a00::/15", origin="manual")) == ["too_wide"] * 2
    assert codes(line.block("2a00:1450:4001::/48", "2a00:1450::/47")) == ["", "too_wide"]


def test_the_cap_is_on_new_blocks_from_alerts(line: Line) -> None:
    assert codes(line.block(*(f"8.8.8.{n}" for n in range(7)))) == [""] * 5 + ["rate"] * 2
    # Known offenders and people are not held up.
    assert codes(line.block("8.8.8.0")) == [""]
    assert codes(line.block("8.8.8.99", origin="manual")) == [""]


@pytest.mark.parametrize(
    ("network", "inside"),
    [
        ("192.0.0.0/8", "192.168.0.0/16"),
        ("172.0.0.0/11", "172.16.0.0/12"),
        ("100.0.0.0/8", "100.64.0.0/10"),
        ("169.254.0.0/15", "169.254.0.0/16"),
        ("::/16", "::1/128"),
    ],
)
def test_a_network_that_holds_one_which_is_never_routed_is_refused_as_that_one_is(
    line: Line, network: str, inside: str
) -> None:
    (outcome,) = line.block(network, origin="feed:list")
    assert outcome["refused"] == "not_global"
    assert inside in outcome["message"]


def test_trying_costs_nothing(line: Line) -> None:
    outcomes = line.block(*(f"8.8.8.{n}" for n in range(7)), dry_run=True)
    assert codes(outcomes) == [""] * 7
    assert line.ask("list").get("rows", []) == []
    assert codes(line.block("8.8.8.1")) == [""]


def test_a_life_grows_with_each_offence_up_to_the_longest(line: Line) -> None:
    lives: list[int] = []
    for _ in range(4):
        until = line.block(ATTACKER, seconds=1200, growth=3)[0]["until"]
        lives.append(round((until - time.time()) / 60))
        # Twice while it is blocked is one offence.
        assert line.block(ATTACKER, seconds=1200, growth=3)[0]["until"] - until < 1
        line.ask("unblock", addresses=[ATTACKER])
    assert lives == [20, 60, 120, 120]


def test_a_source_that_two_alerts_of_one_request_name_has_offended_once_more(line: Line) -> None:
    line.block(ATTACKER, rule="before", alert="00", seconds=600, growth=3)
    line.ask("unblock", addresses=[ATTACKER])
    entries = [
        {"address": ATTACKER, "rule": "first", "alert": "01", "seconds": 600, "growth": 3},
        {"address": ATTACKER, "rule": "second", "alert": "02", "seconds": 60, "growth": 3},
    ]
    outcomes = line.ask("block", entries=entries, origin="alert")["outcomes"]
    (row,) = line.ask("list")["rows"]
    assert (row["rule"], row["alert"], row["count"]) == ("first", "01", 2)
    assert [outcome.get("new", False) for outcome in outcomes] == [True, False]
    assert [round((outcome["until"] - row["since"]) / 60) for outcome in outcomes] == [30, 30]


def test_a_source_that_offends_again_once_its_block_is_over_is_blocked_anew_though_not_yet_swept(line: Line) -> None:
    until = line.block(ATTACKER, rule="first", seconds=0.5, growth=3)[0]["until"]
    wait_for(lambda: time.time() > until, what="the end of the first block")
    (outcome,) = line.block(ATTACKER, rule="second", seconds=600, growth=3)
    (row,) = line.ask("list")["rows"]
    assert (row["rule"], row["count"], outcome["new"]) == ("second", 2, True)
    assert round((row["until"] - row["since"]) / 60) == 30
    stats = line.ask("stats")["stats"]
    assert (stats["blocked"], stats["expired"], stats["fill"]["blocked4"][0]) == ({"alert": 2}, 1, 1)


def test_a_record_says_why(line: Line) -> None:
    line.block(ATTACKER, rule="Inbound SSH", alert="01J", reason="5 in 60 s", port=22)
    row = line.ask("list")["rows"][0]
    assert (row["target"], row["rule"], row["alert"], row["reason"], row["origin"], row["count"]) == (
        f"{ATTACKER}:22",
        "Inbound SSH",
        "01J",
        "5 in 60 s",
        "alert",
        1,
    )


def test_what_a_record_says_has_an_end(host: Host, line: Line) -> None:
    entries = [
        {"address": f"8.8.8.{n}", "rule": "r" * 10**6, "reason": "x" * 10**6, "alert": "a" * 10**6} for n in range(5)
    ]
    for _ in range(5):
        assert codes(line.ask("block", entries=entries, origin="alert")["outcomes"]) == [""] * 5
    rows, decisions = host.json("list"), host.json("decisions")
    assert (len(rows), len(decisions)) == (5, 25)
    for row in rows:
        assert row["rule"] == "r" * 1000
        assert len(json.dumps(row)) < 5000


def test_the_allow_list_outlives_the_daemon_and_unblocks(host: Host) -> None:
    with host.serving("--dry-run"):
        host.run("block", ATTACKER)
        assert ATTACKER in host.run("allow", "8.8.0.0/16") or "8.8.0.0/16" in host.run("allow")
        assert host.json("list") == []
    with host.serving("--dry-run"):
        assert "on the allow list" in host.run("block", ATTACKER, code=1)
        host.run("allow", "--remove", "8.8.0.0/16")
        host.run("block", ATTACKER)


def test_what_was_only_tried_is_not_blocked_in_earnest(host: Host) -> None:
    with host.serving("--dry-run"):
        host.run("block", ATTACKER)
        assert host.json("stats")["backend"] == "dry-run"
    with host.serving("--dry-run"):
        assert len(host.json("list")) == 1
    assert not (host.home / "state/blocks.jsonl").exists()


def test_what_is_no_address_in_resolv_conf_is_passed_over_as_by_the_host_itself(host: Host, tmp_path: Path) -> None:
    resolvers = tmp_path / "resolv.conf"
    resolvers.write_text("nameserver dns.example\nnameserver 9.9.9.9#53\nnameserver\nnameserver 8.8.8.8\n")
    mounted = 'mount --bind "$0" /etc/resolv.conf && exec "$@"'
    with host.serving("--dry-run", prefix=("unshare", "--mount", "sh", "-c", mounted, str(resolvers))):
        assert "a resolver" in host.run("block", "8.8.8.8", code=1)


@pytest.mark.parametrize("text", ["url: [", "when: 2026-13-45", "\xff", "a: *b"])
def test_destinations_that_cannot_be_read_are_an_error_at_the_start(host: Host, tmp_path: Path, text: str) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(text, "latin-1")
    command = host.command("serve", "--dry-run", "--destinations", path)
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (done.returncode, "Traceback" in done.stderr) == (4, False), done.stderr
    assert str(path) in done.stderr


def test_other_users_are_turned_away(host: Host) -> None:
    # The refusal may come before the question is out.
    probe = (
        "import contextlib, socket, sys; s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1])\n"
        "with contextlib.suppress(BrokenPipeError): "
        's.sendall(b\'{"verb": "clear"}\\n\')\n'
        "print(s.makefile().readline())"
    )

    def ask(*identity: str) -> dict[str, Any]:
        host.socket.chmod(0o666)
        # The path's directories are root's alone, so the other user gets the connection by its open directory.
        command = ["setpriv", *identity, sys.executable, "-c", probe, "socket"]
        done = subprocess.run(command, cwd=host.socket.parent, capture_output=True, text=True, timeout=20)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    nobody = ("--reuid=65534", "--regid=65534", "--clear-groups")
    with host.serving("--dry-run", "--group", "daemon"):
        assert ask(*nobody)["error"] == "forbidden"
        assert "error" not in ask("--reuid=65534", "--regid=65534", "--groups=1")
        assert "error" not in ask("--reuid=65534", "--regid=1", "--clear-groups")
    with host.serving("--dry-run", "--user", "nobody"):
        assert "error" not in ask(*nobody)


def test_a_second_daemon_does_not_take_the_first_one_s_socket(host: Host) -> None:
    with host.serving("--dry-run"):
        done = subprocess.run(host.command("serve", "--dry-run"), capture_output=True, text=True, timeout=60)
        assert done.returncode == 4
        assert "serves" in done.stderr
        host.run("list")


def test_no_daemon_is_said_and_told_by_the_exit_code(host: Host) -> None:
    for arguments in (["block", ATTACKER], ["list"], ["stats"], ["clear"]):
        assert "no answer from sidekick-xdp" in host.run(*arguments, code=3)
    host.socket.parent.mkdir()
    host.socket.write_text("not a socket")
    assert "no answer from sidekick-xdp" in host.run("list", code=3)


def test_nothing_attached_is_an_error_at_the_start(host: Host) -> None:
    done = subprocess.run(host.command("serve"), capture_output=True, text=True, timeout=60)
    assert (done.returncode, "Traceback" in done.stderr) == (4, False), done.stderr
    assert "nothing is attached" in done.stderr


def test_systemd_may_hold_the_socket(host: Host) -> None:
    host.socket.parent.mkdir()
    with closing(socket.socket(socket.AF_UNIX)) as listener:
        listener.bind(str(host.socket))
        listener.listen()
        shell = f'LISTEN_PID=$$ LISTEN_FDS=1 exec "$@" 3<&{listener.fileno()}'
        command = ["bash", "-c", shell, "bash", *host.command("serve", "--dry-run")]
        with subprocess.Popen(command, pass_fds=(listener.fileno(),), stderr=subprocess.PIPE) as daemon:
            try:
                assert host.json("list") == []
            finally:
                daemon.terminate()
                daemon.communicate(timeout=20)
        assert host.socket.exists()


def test_the_metrics_are_prometheus(line: Line, host: Host) -> None:
    line.block(ATTACKER, "nowhere", "10.0.0.1")
    families = {family.name: family for family in text_string_to_metric_families(host.run("stats", "--prometheus"))}
    samples = {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in families.values()
        for sample in family.samples
    }
    assert samples["sidekick_xdp_blocked_total", "alert"] == 1
    assert samples["sidekick_xdp_refused_total", "malformed"] == 1
    assert samples["sidekick_xdp_refused_total", "full"] == 0
    assert samples["sidekick_xdp_entries", "blocked4"] == 1
    assert samples["sidekick_xdp_entries_limit", "blocked4"] == 1_000_000
    assert samples["sidekick_xdp_packets_total", "dropped_address", "dry-run"] == 0
    assert samples["sidekick_xdp_expired_total",] == 0


def test_tables_are_for_people(line: Line, host: Host) -> None:
    line.block(ATTACKER, reason="[bold]\x1b[31mred", rule="r")
    shown = host.run("list")
    assert ATTACKER in shown
    assert "\x1b[31m" not in shown
    for arguments in (["stats"], ["allow"], ["block", "--dry-run", "9.9.9.9"], ["unblock", ATTACKER], ["clear"]):
        assert host.run(*arguments)


@pytest.mark.parametrize(
    "arguments",
    [
        ["block"],
        ["block", "--for", "soon", ATTACKER],
        ["block", "--port", "70000", ATTACKER],
        ["import", "/nonexistent"],
        ["serve", "--group", "no-such-group"],
        ["serve", "--user", "no-such-user"],
        ["serve", "--destinations", "/nonexistent"],
        ["attach", "--mode", "magic"],
        ["attach", "--group", "no-such-group"],
        ["frobnicate"],
    ],
    ids=lambda arguments: " ".join(arguments),
)
def test_a_wrong_command_line_is_a_usage_error(host: Host, arguments: list[str]) -> None:
    assert "Usage" in host.run(*arguments, code=2) or "Error" in host.run(*arguments, code=2)


def test_the_command_starts_without_the_rest_of_the_project(tmp_path: Path) -> None:
    others = "{'sidekick', 'outputs', 'aiohttp'}"
    script = f"import sys, bpf.__main__; sys.exit(bool({others} & {{name.split('.')[0] for name in sys.modules}}))"
    assert subprocess.run([sys.executable, "-c", script], check=False, timeout=60).returncode == 0
    assert Path(COMMAND).exists()
