"""Who may send, as it is written: tokens and where they come from, certificates, networks, and every mistake in it."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from sidekick.commands.check import command
from tests.settings.conftest import Load, Refuse

TOKEN = "0123456789abcdef"


def test_senders_are_sections_by_name(configure: Load) -> None:
    settings = configure(
        f"""
        tlsserver: {{deploy: true, mutualtls: true}}
        receiver:
          networks: 10.0.0.0/8,2001:db8::/32
          senders:
            Payments.eu: {{token: "{TOKEN}", networks: [10.1.2.3], fields: {{cluster: a.b, tenant: "007"}}}}
            node: {{certificate: node-1}}
        """
    ).receiver
    assert settings.networks == ("10.0.0.0/8", "2001:db8::/32")
    payments, node = settings.senders["Payments.eu"], settings.senders["node"]
    assert (payments.token.get_secret_value(), payments.networks) == (TOKEN, ("10.1.2.3",))
    assert payments.fields == {"cluster": "a.b", "tenant": "007"}
    assert (node.certificate, node.token.get_secret_value()) == ("node-1", "")


def test_a_token_may_stand_in_a_file_which_is_watched_then(configure: Load, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text(f"{TOKEN}\n")
    settings = configure(f"receiver.senders: {{a: {{token: 'file:{secret}'}}}}")
    assert settings.receiver.senders["a"].token.get_secret_value() == TOKEN
    assert secret in settings.files


def test_senders_may_stand_in_the_environment(configure: Load, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text(TOKEN)
    text = f'{{"a": {{"token": "file:{secret}", "fields": {{"cluster": "red"}}}}}}'
    assert configure("", {"RECEIVER_SENDERS": text}).receiver.senders["a"].token.get_secret_value() == TOKEN


@pytest.mark.parametrize(
    ("sender", "key", "message"),
    [
        ("{token: 0123456789012345}", ".token", "is no text: put it in quotes"),
        ("{token: short}", ".token", "16 or more letters"),
        (f"{{token: {TOKEN}/+==}}", ".token", "is no token"),
        ("{token: 'file:/nowhere/at/all'}", "", "the file /nowhere/at/all cannot be read"),
        ("{token: [x]}", ".token", "is no text"),
        ("{}", "", "neither a token nor a certificate"),
        (f"{{token: {TOKEN}, networks: 10.0.0.1/8}}", ".networks", "has host bits set"),
        (f"{{token: {TOKEN}, networks: [host.example]}}", ".networks", "host.example"),
        (f"{{token: {TOKEN}, fields: {{tenant: 007}}}}", ".fields.tenant", "in quotes where it looks like a number"),
        (f"{{token: {TOKEN}, field: {{}}}}", ".field", "unknown key"),
        ("x", "", "takes keys with values"),
    ],
)
def test_a_sender_that_cannot_be_is_told_without_its_token(refuse: Refuse, sender: str, key: str, message: str) -> None:
    (problem,) = refuse(f"receiver:\n  senders:\n    a: {sender}\n")
    assert message in problem.message
    assert problem.key in (f"receiver.senders.a{key}", "receiver.senders")
    assert problem.place.line in (2, 3)
    assert TOKEN not in str(problem)


@pytest.mark.parametrize("senders", ["[]", "x", "1"])
def test_senders_of_another_form_are_a_mistake(refuse: Refuse, senders: str) -> None:
    (problem,) = refuse(f"receiver:\n  senders: {senders}\n")
    assert problem.key == "receiver.senders"


def test_a_token_that_two_have_tells_neither_from_the_other(refuse: Refuse) -> None:
    (problem,) = refuse(f"receiver.senders: {{a: {{token: {TOKEN}}}, b: {{token: {TOKEN}}}}}")
    assert "senders a and b have the same token" in problem.message
    assert TOKEN not in str(problem)


def test_a_certificate_must_be_asked_for(refuse: Refuse) -> None:
    (problem,) = refuse("receiver.senders: {a: {certificate: x}}\ntlsserver.deploy: true")
    assert problem.message == "receiver.senders.a.certificate needs tlsserver.deploy and tlsserver.mutualtls"


def test_a_name_is_one_word(refuse: Refuse) -> None:
    (problem,) = refuse(f"receiver.senders: {{'a b': {{token: {TOKEN}}}}}")
    assert "a sender's name" in problem.message


ALERT = '{"rule":"Shell","priority":"Critical","time":"2026-05-06T07:08:09Z","output_fields":{"cluster":"forged"}}'


@pytest.mark.parametrize(("sender", "reached"), [(["--sender", "a"], ["webhook.red"]), ([], ["webhook.blue"])])
def test_check_knows_what_a_sender_stamps(tmp_path: Path, sender: list[str], reached: list[str]) -> None:
    (one,) = json.loads(check_event(tmp_path, *sender).output)
    assert [name for name, output in one["outputs"].items() if output["reached"]] == ["prometheus", *reached]


def test_check_knows_only_senders_that_there_are(tmp_path: Path) -> None:
    result = check_event(tmp_path, "--sender", "b")
    assert result.exit_code == 2
    assert "'b' is not in receiver.senders; known are: a" in result.output


def check_event(tmp_path: Path, *options: str) -> Result:
    (tmp_path / "alert").write_text(ALERT)
    (tmp_path / "config.yaml").write_text(
        f"receiver.senders: {{a: {{token: {TOKEN}, fields: {{cluster: red}}}}}}\n"
        "customfields: {cluster: blue}\n"
        "webhook.red: {address: http://x, filter: cluster = red}\n"
        "webhook.blue: {address: http://x, filter: cluster = blue}\n"
    )
    arguments = ["-c", str(tmp_path / "config.yaml"), "--event", str(tmp_path / "alert"), "--json", *options]
    return CliRunner().invoke(command, arguments)
