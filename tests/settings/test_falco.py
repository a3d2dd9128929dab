"""`sidekick check --falco`: whether a Falco's own file points at a configuration of ours, and what to write if not."""

import json
from pathlib import Path
from typing import Any

import pytest
import trustme
import yaml
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sidekick.commands.check import command

TOKEN = "0123456789abcdef"
OUTPUT = {"enabled": True, "url": "http://sidekick:2801/", "keep_alive": True}
SENDERS = {"receiver": {"senders": {"red": {"token": TOKEN}}}}


class Checked:
    """What the command says of two files."""

    def __init__(self, folder: Path, falco: dict[str, Any] | str, ours: dict[str, Any], *options: str) -> None:
        (folder / "config.yaml").write_text(yaml.safe_dump(ours))
        self.file = folder / "falco.yaml"
        self.file.write_text(falco if isinstance(falco, str) else yaml.safe_dump(falco))
        arguments = ["-c", str(folder / "config.yaml"), "--falco", str(self.file), *options]
        result = CliRunner().invoke(command, arguments, catch_exceptions=False)
        self.code, self.text = result.exit_code, result.output

    def lines(self, verdict: str) -> list[str]:
        """Without the file's name."""
        found = [line.split(" ", 1) for line in self.text.splitlines()]
        return [line.strip().replace(str(self.file), "falco.yaml") for word, line in found if word == verdict]


def check(folder: Path, http_output: dict[str, Any] | None = None, **ours: Any) -> Checked:
    return Checked(folder, {"json_output": True, "http_output": OUTPUT | (http_output or {})}, ours)


def test_a_falco_that_points_here_is_ok_line_by_line(tmp_path: Path) -> None:
    text = "json_output: true\nhttp_output:\n  enabled: yes\n  url: http://sidekick:2801\n  keep_alive: On\n"
    checked = Checked(tmp_path, text, {})
    assert (checked.code, checked.lines("odd"), checked.lines("wrong")) == (0, [], [])
    assert checked.lines("OK") == [
        "falco.yaml:1:14: json_output: true",
        "falco.yaml: json_include_output_property: true",
        "falco.yaml: json_include_output_fields_property: true",
        "falco.yaml: json_include_tags_property: true",
        "falco.yaml:3:12: http_output.enabled: true",
        "falco.yaml:5:15: http_output.keep_alive: true",
        "falco.yaml:4:8: http_output.url: reaches http://*:2801",
    ]


def test_the_same_as_json(tmp_path: Path) -> None:
    checked = Checked(tmp_path, {"json_output": True, "http_output": OUTPUT | {"enabled": False}}, {}, "--json")
    facts = json.loads(checked.text)
    assert (checked.code, facts["works"]) == (2, False)
    (wrong,) = [one for one in facts["findings"] if one["verdict"] == "wrong"]
    assert (wrong["key"], wrong["message"], wrong["line"]) == (
        "http_output.enabled",
        "Falco posts nothing; write true",
        2,
    )


def test_a_falco_as_it_is_installed_sends_nothing(tmp_path: Path) -> None:
    checked = Checked(tmp_path, "config_files: [/etc/falco/config.d]\nhttp_output: {enabled: false, url: ''}\n", {})
    assert checked.code == 2
    assert checked.lines("wrong") == [
        "falco.yaml: json_output: Falco sends lines of text; write true",
        "falco.yaml:2:24: http_output.enabled: Falco posts nothing; write true",
        "falco.yaml:2:36: http_output.url: is no URL; write http://HOST:2801/",
    ]
    assert [line.partition(": ")[2] for line in checked.lines("odd")] == [
        "http_output.keep_alive: Falco waits for ever for a host that is gone; write true",
        "config_files: what they say is not known here, and comes first",
    ]


@pytest.mark.parametrize(
    ("url", "ours", "message"),
    [
        ("http://sidekick:2802/", {}, "has the port 2802; write http://sidekick:2801/"),
        ("http://sidekick", {}, "has the port 80; write http://sidekick:2801/"),
        ("https://sidekick:2801", {}, "has the scheme https; write http://sidekick:2801/"),
        ("https://sidekick", {}, "has the scheme https and has the port 443; write http://sidekick:2801/"),
        ("http://sidekick:2801/test", {}, "has the path /test, which is a page; write http://sidekick:2801/"),
        ("http://sidekick:99999/", {}, "is no URL; write http://HOST:2801/"),
        ("sidekick:2801", {}, "is no URL; write http://HOST:2801/"),
        ("http://sidekick:2801/a b", {}, "is no URL; write http://HOST:2801/"),
        (
            "http://10.0.0.2:2801/",
            {"listenaddress": "10.0.0.1"},
            "does not reach 10.0.0.1, where we listen; write http://10.0.0.1:2801/",
        ),
        (
            "http://[::1]:2801/",
            {"listenaddress": "0.0.0.0"},
            "does not reach 0.0.0.0, where we listen; write http://HOST:2801/",
        ),
        (
            "http://localhost:2801/",
            {"listenaddress": "2001:db8::1"},
            "does not reach 2001:db8::1, where we listen; write http://[2001:db8::1]:2801/",
        ),
        (
            "http://sidekick:2801",
            {"tlsserver": {"deploy": True, "notlspaths": "/,/ping"}},
            "has the port 2801; write http://sidekick:2810/",
        ),
    ],
)
def test_a_url_that_leads_elsewhere(tmp_path: Path, url: str, ours: dict[str, Any], message: str) -> None:
    checked = check(tmp_path, {"url": url}, **ours)
    assert checked.code == 2
    assert [line.partition(" http_output.url: ")[2] for line in checked.lines("wrong")] == [message]


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("http://10.0.0.1:2801/", "10.0.0.1"),
        ("http://[::1]:2801/falco", "::"),
        ("http://localhost:2801/", "127.0.0.1"),
        ("http://user@any.name:2801?a=b", "10.0.0.1"),
    ],
)
def test_a_url_that_leads_here(tmp_path: Path, url: str, address: str) -> None:
    assert check(tmp_path, {"url": url}, listenaddress=address).code == 0


def test_a_variable_cannot_be_judged(tmp_path: Path) -> None:
    checked = check(tmp_path, {"url": "http://${SIDEKICK}:2801"})
    assert (checked.code, len(checked.lines("odd"))) == (0, 1)


@pytest.mark.parametrize("path", [f"/in/{TOKEN}", f"/?token={TOKEN}"])
def test_a_known_token_names_its_sender(tmp_path: Path, path: str) -> None:
    checked = check(tmp_path, {"url": f"http://sidekick:2801{path}"}, **SENDERS)
    assert (checked.code, checked.lines("wrong")) == (0, [])
    assert checked.lines("OK")[-1].endswith("comes from the sender red")
    assert TOKEN not in checked.text


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("/", "holds no token; write http://sidekick:2801/in/TOKEN with that of red"),
        (f"/in/{TOKEN}x", "holds a token that no sender of receiver.senders has"),
    ],
)
def test_a_url_without_a_known_token_is_wrong(tmp_path: Path, path: str, message: str) -> None:
    checked = check(tmp_path, {"url": f"http://sidekick:2801{path}"}, **SENDERS)
    assert checked.code == 2
    assert [line.partition(" http_output.url: ")[2] for line in checked.lines("wrong")] == [message]
    assert TOKEN not in checked.text


class Files:
    """Certificates of one authority, and of another."""

    def __init__(self, folder: Path) -> None:
        self.folder, authority, other = folder, trustme.CA(), trustme.CA()
        server = authority.issue_cert("sidekick")
        client = authority.issue_cert("node.example", common_name="falco-node")
        for name, blob in {
            "ca": authority.cert_pem,
            "other": other.cert_pem,
            "server": server.private_key_and_cert_chain_pem,
            "client": client.private_key_and_cert_chain_pem,
            "stranger": other.issue_cert("node").private_key_and_cert_chain_pem,
        }.items():
            blob.write_to_path(folder / name)

    def __getitem__(self, name: str) -> str:
        return str(self.folder / name)

    def falco(self, client: str = "", **http_output: Any) -> dict[str, Any]:
        mtls = {"mtls": True, "client_cert": self[client], "client_key": self[client]} if client else {}
        return {"url": "https://sidekick:2801/", "ca_cert": self["ca"]} | mtls | http_output

    def ours(self, *, mutual: bool = False) -> dict[str, Any]:
        pair = {"certfile": self["server"], "keyfile": self["server"]}
        return {"deploy": True, "mutualtls": mutual, "cacertfile": self["ca"]} | pair


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    return Files(tmp_path_factory.mktemp("certificates"))


def test_certificates_that_fit_are_tried_and_found_good(tmp_path: Path, files: Files) -> None:
    checked = check(tmp_path, files.falco("client"), tlsserver=files.ours(mutual=True))
    assert (checked.code, checked.lines("wrong"), checked.lines("odd")) == (0, [], [])
    assert "http_output.ca_cert: " in checked.text
    assert "http_output.client_cert: tlsserver.cacertfile vouches for it" in checked.text


@pytest.mark.parametrize(
    ("falco", "mutual", "message"),
    [
        (
            {"ca_cert": "other"},
            False,
            "http_output.ca_cert: {other} does not vouch for tlsserver.certfile: unable",
        ),
        ({"url": "https://elsewhere:2801"}, False, "Hostname mismatch"),
        ({}, True, "http_output.mtls: tlsserver.mutualtls wants a certificate"),
        ({"client": "stranger"}, True, "http_output.client_cert: tlsserver.cacertfile does not vouch for it: unable"),
        ({"url": "http://sidekick:2801"}, False, "has the scheme http; write https://sidekick:2801/"),
    ],
)
def test_certificates_that_do_not_fit_are_wrong(
    tmp_path: Path, files: Files, falco: dict[str, str], mutual: bool, message: str
) -> None:
    written = falco | {"ca_cert": files[falco.get("ca_cert", "ca")]}
    checked = check(tmp_path, files.falco(**written), tlsserver=files.ours(mutual=mutual))
    assert checked.code == 2
    (wrong,) = checked.lines("wrong")
    assert message.format(other=files["other"]) in wrong


def test_trusting_anybody_is_odd(tmp_path: Path, files: Files) -> None:
    written = files.falco(insecure=True, ca_cert=files["other"])
    checked = check(tmp_path, written, tlsserver=files.ours())
    assert checked.code == 0
    (odd,) = checked.lines("odd")
    assert odd.endswith("http_output.insecure: anybody may pass for this host; write false")


@pytest.mark.parametrize(
    "falco", [{"ca_cert": "/nowhere"}, {"mtls": True, "client_cert": "/nowhere", "client_key": "/nowhere"}]
)
def test_files_of_another_machine_are_not_judged(tmp_path: Path, files: Files, falco: dict[str, Any]) -> None:
    checked = check(tmp_path, files.falco(**falco), tlsserver=files.ours())
    assert checked.code == 0
    (odd,) = checked.lines("odd")
    assert "is not checked: cannot use http_output." in odd


def test_a_certificate_may_name_the_sender(tmp_path: Path, files: Files) -> None:
    senders = {"senders": {"node": {"certificate": "falco-node"}, "red": {"token": TOKEN}}}
    ours = {"tlsserver": files.ours(mutual=True), "receiver": senders}
    checked = check(tmp_path, files.falco("client"), **ours)
    assert (checked.code, checked.lines("OK")[-1].partition("url: ")[2]) == (0, "comes from the sender node")
    unread = check(tmp_path, files.falco("client", ca_cert="/nowhere"), **ours)
    assert (unread.code, len(unread.lines("odd"))) == (0, 2)


@pytest.mark.parametrize("content", ["[]", "a: [", "\t", "{}", "http_output: [x]", "json_output: {a: b}"])
def test_a_file_that_is_no_falco_yaml_is_told(tmp_path: Path, content: str) -> None:
    assert Checked(tmp_path, content, {}).code == 2


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    result = CliRunner().invoke(command, ["--falco", str(tmp_path / "missing")], catch_exceptions=False)
    assert (result.exit_code, "cannot be read" in result.output) == (2, True)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50, deadline=None)
@given(st.text(max_size=30) | st.text("htps:/[]@?#%.a0123\u00e9 ", max_size=30).map("http://".__add__))
def test_no_url_is_a_traceback(tmp_path: Path, url: str) -> None:
    assert check(tmp_path, {"url": url}, **SENDERS).code in (0, 2)
