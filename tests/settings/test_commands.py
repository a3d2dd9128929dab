"""`sidekick check`, `outputs` and `schema` as a person runs them."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from sidekick.commands.check import command as check_command
from sidekick.commands.outputs import command as outputs
from sidekick.commands.schema import command as schema
from sidekick.settings.schema import schema as known_schema
from tests.settings.test_problems import WRONG_KEYS

# What costs start time and memory, or is not installed everywhere.
HEAVY = [
    "aiohttp",
    "fastapi",
    "starlette",
    "elasticsearch",
    "confluent_kafka",
    "redis",
    "aiosmtplib",
    "boto3",
    "google.cloud",
]


def check(tmp_path: Path, text: str, *options: str) -> subprocess.CompletedProcess[str]:
    path = tmp_path / "config.yaml"
    path.write_text(text)
    command = [sys.executable, "-m", "sidekick", "check", "-c", str(path), *options]
    environ = {"PATH": os.environ["PATH"]}
    return subprocess.run(command, capture_output=True, text=True, env=environ, timeout=60, check=False)


def test_check_says_what_is_on_off_and_odd(tmp_path: Path) -> None:
    webhook = "webhook: {address: http://x, minimumpriority: info, filter: rule exists}"
    text = f"{webhook}\ntelegram: {{token: x}}\nwebhook.two: {{method: PUT}}\nstdout: {{enabled: false}}"
    done = check(tmp_path, text)
    assert done.returncode == 0, done.stderr
    assert done.stdout == (
        "On:\n"
        "  prometheus: batches of 1000 alerts or 1MiB within 500ms, pauses of 1s to 1m between tries, "
        "each try at most 30s, every priority\n"
        "  webhook: one alert a request, pauses of 1s to 1m between tries, each try at most 30s, "
        "priority informational or higher, where rule exists\n"
        "Off:\n"
        "  stdout: not enabled\n"
        "  telegram: no value for chatid\n"
        "  webhook.two: no value for address\n"
        "Odd:\n"
        f"  {tmp_path}/config.yaml:2:1: telegram: is off, for it needs chatid too\n"
    )


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("webhook: {address: collector:8080}", "1:20: webhook.address"),
        ("slack: {webhookurl: hooks.slack.com/services/T0}", "1:21: slack.webhookurl"),
        ("slack.ops: {webhookurl: https//hooks.slack.com}", "1:25: slack.ops.webhookurl"),
        ("elasticsearch: {hostport: elasticsearch:9200}", "1:27: elasticsearch.hostport"),
        ("alertmanager: {hostport: 'http://a:9093,b:9093'}", "1:26: alertmanager.hostport"),
    ],
)
def test_check_finds_an_address_odd_to_which_nothing_can_be_sent(tmp_path: Path, text: str, place: str) -> None:
    done = check(tmp_path, text)
    told = (
        f"  {tmp_path}/config.yaml:{place}: is no URL, so nothing gets there: write http:// or https:// and the host\n"
    )
    assert (done.returncode, done.stdout.partition("Odd:\n")[2]) == (0, told)


def test_check_says_the_same_as_json(tmp_path: Path) -> None:
    done = check(tmp_path, "webhook: {address: http://x, batch: {linger: 2s}}\nwebhook.two: {}", "--json")
    facts = json.loads(done.stdout)
    assert facts["valid"]
    assert facts["on"]["webhook"]["batch"] == {"count": 1, "bytes": 1 << 20, "linger": 2.0}
    assert facts["off"] == {"webhook.two": {"missing": ["address"]}}


@pytest.mark.parametrize(("text", "key", "meant"), WRONG_KEYS)
def test_a_wrong_key_ends_with_2_and_the_right_one(tmp_path: Path, text: str, key: str, meant: str) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(text)
    result = CliRunner().invoke(check_command, ["-c", str(path)])
    assert result.exit_code == 2
    assert result.stdout.endswith(f": {key}: unknown key; did you mean {meant}?\n")


def test_check_says_what_an_output_is_spared(tmp_path: Path) -> None:
    done = check(tmp_path, "webhook: {address: http://x, group: {window: 5m, by: rule}, throttle: {rate: 20/h}}")
    assert "every priority, equal rule told once in 5m, at most 20/h\n" in done.stdout


ALERT = (
    b'{"rule":"Shell","priority":"Critical","time":"2026-05-06T07:08:09Z","output":"o",'
    b'"output_fields":{"proc.name":"sh","load":1.5}}'
)
ROUTES = """
customfields: {cluster: blue}
webhook.urgent: {address: http://x, minimumpriority: emergency}
webhook.red: {address: http://x, filter: cluster = red and load > 1, silences: false}
webhook.blue: {address: http://x, filter: cluster = blue, silences: false}
webhook.people: {address: http://x}
file: {path: /x}
silences: [{filter: proc.name = sh, until: 9998-01-01, author: ann, reason: a test}]
"""


def test_check_says_which_outputs_an_alert_reaches_and_why(tmp_path: Path) -> None:
    alert = tmp_path / "alert.json"
    alert.write_bytes(ALERT)
    done = check(tmp_path, ROUTES, "--event", str(alert))
    silenced = "silenced by ann until 9998-01-01T00:00:00+00:00 (a test), where proc.name = sh"
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "Critical Shell, 2026-05-06T07:08:09Z:",
        "  file: yes",
        "  prometheus: yes",
        "  webhook.urgent: no, priority Critical is below Emergency; " + silenced,
        "  webhook.red: no, fails its filter",
        "    false  cluster = red and load > 1",
        "      false  cluster = red  [blue]",
        "      true   load > 1  [1.5]",
        "  webhook.blue: yes, meets its filter",
        "    true   cluster = blue  [blue]",
        "  webhook.people: no, " + silenced,
    ]


def test_check_says_the_same_of_an_alert_as_json(tmp_path: Path) -> None:
    alert = tmp_path / "alert.json"
    alert.write_bytes(ALERT)
    (one,) = json.loads(check(tmp_path, ROUTES, "--event", str(alert), "--json").stdout)
    assert one["rule"] == "Shell"
    assert [name for name, output in one["outputs"].items() if output["reached"]] == [
        "file",
        "prometheus",
        "webhook.blue",
    ]
    assert one["outputs"]["webhook.red"]["reasons"][0]["clauses"]["parts"][1]["found"] == 1.5


@pytest.mark.parametrize("alert", [b"", b"{}", b"\xff", b'{"rule":"R","priority":"loud"}'])
def test_what_is_no_alert_ends_with_2_and_one_line(tmp_path: Path, alert: bytes) -> None:
    path = tmp_path / "alert.json"
    path.write_bytes(alert)
    done = check(tmp_path, "", "--event", str(path))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"{path}: ")
    assert done.stderr.count("\n") == 1


def test_check_ends_with_2_and_every_problem(tmp_path: Path) -> None:
    done = check(tmp_path, "elasticserch: {hostport: x}\ndebug: maybe\n", "--json")
    assert done.returncode == 2
    problems = json.loads(done.stdout)["problems"]
    assert [(problem["line"], problem["key"], problem["suggestions"]) for problem in problems] == [
        (1, "elasticserch", ["elasticsearch"]),
        (2, "debug", []),
    ]


@pytest.mark.parametrize("text", ["debug: maybe", "slak: {webhookurl: x}", "a:\n\tb: 1", "\x00"])
def test_a_configuration_that_cannot_be_used_ends_with_2_and_no_traceback(tmp_path: Path, text: str) -> None:
    done = check(tmp_path, text)
    assert (done.returncode, done.stderr) == (2, "")
    assert done.stdout.startswith(f"{tmp_path}/config.yaml:")
    assert len(done.stdout.splitlines()) == 1


def test_check_with_every_output_on(tmp_path: Path) -> None:
    names = [kind.name for kind in known_schema().types.values()]
    text = "".join(f"{kind.name}: {json.dumps(dict(kind.output.example))}\n" for kind in known_schema().types.values())
    done = check(tmp_path, text, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    assert list(json.loads(done.stdout)["on"]) == names


def test_check_imports_nothing_heavy(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("webhook: {address: http://x}\nelasticsearch: {hostport: http://x}")
    program = (
        "import sys\nfrom sidekick.commands.check import command\n"
        f"command(['-c', {str(path)!r}], standalone_mode=False)\n"
        f"sys.exit(' '.join(set(sys.modules) & set({HEAVY!r})) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "webhook" in done.stdout


def test_outputs_lists_all_and_prints_one() -> None:
    listing = CliRunner().invoke(outputs, []).stdout.splitlines()
    assert any(line.split() == ["webhook", "web", "1", "twice", "address"] for line in listing)
    assert len(listing) > 71
    example = CliRunner().invoke(outputs, ["Webhook"])
    assert example.exit_code == 0
    assert example.stdout.startswith("webhook:\n  address: https://alerts.example.com/falco\n\n# ")
    assert '#  address: ""  # text, WEBHOOK_ADDRESS\n' in example.stdout


@pytest.mark.parametrize(
    ("name", "told"),
    [("webhok", "did you mean webhook?"), ("slack.ops", "an instance such as slack.ops has the keys of slack")],
)
def test_outputs_of_an_unknown_name(name: str, told: str) -> None:
    result = CliRunner().invoke(outputs, [name])
    assert (result.exit_code, result.stderr) == (2, f"no output is called {name}; {told}\n")


def test_schema_prints_what_it_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    stale = tmp_path / "docs/reference/outputs/gone.md"
    stale.parent.mkdir(parents=True)
    stale.write_text("")
    assert CliRunner().invoke(schema, ["--write"]).exit_code == 0
    assert CliRunner().invoke(schema, []).stdout == (tmp_path / "config/schema.json").read_text()
    assert not stale.exists()
