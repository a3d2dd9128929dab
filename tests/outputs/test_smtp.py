"""Mail: whole, one alert a mail, whatever the alert holds; over TLS; refused by whose fault it is."""

import email
import email.policy
import json
import ssl
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trustme
from pydantic import ValidationError

from outputs.smtp import Smtp, SmtpSettings
from sidekick.event import Event
from sidekick.sdk import Context, DeliveryError, MisconfiguredError, PermanentError, RetryableError
from sidekick.sdk.tls import ClientTls
from tests.outputs.alerts import DATA, alert, recorded
from tests.outputs.connected import connected
from tests.outputs.midstream import RETRY, restart, through
from tests.receivers.smtp import Mailbox, mailbox
from tests.services.exim import PASSWORD, USER, Exim

RECORDING: dict[str, Any] = json.loads((DATA / "captures/sessions/smtp.json").read_text())
SESSIONS = [one for one in RECORDING["captures"] if one["variant"] != "tls"]


def made(address: str, context: Context | None = None, **settings: Any) -> Smtp:
    return Smtp(SmtpSettings.model_validate({**Smtp.example, "hostport": address, **settings}), context or Context())


@asynccontextmanager
async def sending(box: Mailbox, context: Context | None = None, **settings: Any) -> AsyncGenerator[Smtp]:
    output = made(box.address, context, **{"tls": False, **settings})
    try:
        yield output
    finally:
        await output.close()


async def refusal(output: Smtp) -> DeliveryError:
    with pytest.raises(DeliveryError) as error:
        await output.send([alert()])
    return error.value


@pytest.mark.parametrize("session", SESSIONS, ids=lambda one: f"{one['variant']}-{one['input'][7]}")
async def test_a_session_is_the_one_that_falcosidekick_has(session: dict[str, Any]) -> None:
    """But for the port in OAUTHBEARER's response, and line ends in the subject, which begin a new header there."""
    name, commands = session["input"], session["commands"]
    event = Event.test() if "test_endpoint" in name else recorded(name)
    async with mailbox() as box:
        settings: dict[str, Any] = {**RECORDING["configs"][session["variant"]]["smtp"], "hostport": box.address}
        async with sending(box, None, **settings) as output:
            await output.send([event])
    logins = [f"AUTH {mechanism} {response}" for mechanism, response in box.encoded_logins]
    if session["variant"] == "auth_oauthbearer":
        assert [login.split(" ")[1] for login in logins] == ["OAUTHBEARER"]
    else:
        assert logins == [command for command in commands if command.startswith("AUTH")]
    (envelope,), (mail,) = box.envelopes, box.mails
    assert f"MAIL FROM:<{envelope.mail_from}> BODY=8BITMIME" in commands
    assert [f"RCPT TO:<{to}>" for to in envelope.rcpt_tos] == [one for one in commands if one.startswith("RCPT")]
    theirs = email.message_from_string(
        session["headers"].replace(" \r\n second", " second"), policy=email.policy.default
    )
    for header in ("From", "To", "Subject", *([] if event.rule == Event.TEST_RULE else ["Date"])):
        assert mail[header] == theirs[header]
    assert mail.get_content_type() == theirs.get_content_type()


async def test_a_mail_holds_every_fact_in_text_and_in_html() -> None:
    event = recorded("inputs/d_special.json")
    async with mailbox() as box, sending(box, Context(page="https://sidekick.example.com")) as output:
        await output.send([event])
    (mail,) = box.mails
    text, html = (part.get_content() for part in mail.iter_parts())
    for fact in ('rule: Odd <Rule> & "quotes", commas=x', "proc.pid: 77", "yes: true", f"events/{event.uuid}"):
        assert fact in text
    assert '<th align="left" valign="top">rule</th><td>Odd &lt;Rule&gt; &amp; &quot;quotes&quot;, commas=x</td>' in html
    assert "#ffc700" in html
    assert mail["Auto-Submitted"] == "auto-generated"


async def test_no_line_of_an_alert_becomes_a_header_or_ends_the_mail() -> None:
    event = alert(output="line\r\nBcc: eve@example.net\r\n\r\n.\r\nQUIT", rule="x\nBcc: eve@example.net")
    async with mailbox() as box, sending(box, outputformat="text") as output:
        await output.send([event])
        await output.send([alert()])
    first, second = box.mails
    assert first["Bcc"] is None
    assert first["Subject"] == "[Notice] line Bcc: eve@example.net . QUIT"
    assert "\r\n.\r\nQUIT" in first.get_content()
    assert second["Subject"] == "[Notice] 10:20:05: Notice A shell was spawned"


@pytest.mark.parametrize("end", ["\r\n", "=0D=0A", "=0A", "=0D"])
async def test_no_encoded_word_of_an_alert_becomes_a_header(end: str) -> None:
    async with mailbox() as box, sending(box, outputformat="text") as output:
        await output.send([alert(output=f"=?utf-8?q?line{end}Bcc:_eve@example.net?= =?utf-8?b?DQpCY2M6IGV2ZQ==?=")])
    (mail,) = box.mails
    assert mail["Bcc"] is None
    assert mail["To"]
    assert "line" in mail["Subject"]


async def test_no_character_of_an_alert_has_the_mail_refused() -> None:
    """Exim and others refuse a mail that holds NUL."""
    every = "".join(map(chr, range(256)))
    async with mailbox() as box, sending(box) as output:
        await output.send([alert({"proc.cmdline": every, every: "x"}, output=every, rule=every)])
        content = box.envelopes[0].content
    assert isinstance(content, bytes)
    assert not set(content) & {*range(9), 11, 12, *range(14, 32), 127}


@pytest.mark.parametrize("wrong", ["a@b\nBcc: c@d", "me@exämple.com", ",", "Name <>"])
def test_what_is_no_address_of_mail_is_refused_with_the_settings(wrong: str) -> None:
    for key in ("from", "to"):
        with pytest.raises(ValidationError, match="no address"):
            SmtpSettings.model_validate({**Smtp.example, key: wrong})
    assert SmtpSettings.model_validate({**Smtp.example, "to": "Bö <b@example.com>, soc@example.com,"})


async def test_one_connection_serves_until_the_server_hangs_up_and_then_the_next_does() -> None:
    async with mailbox() as box, sending(box) as output:
        await output.send([alert()])
        await output.send([alert()])
        assert len(box.connections) == 1
        box.hang_up()
        try:
            await output.send([alert()])
        except RetryableError:  # the end of the connection had not been seen yet
            await output.close()
            await output.send([alert()])
    assert len(box.mails) == 3
    assert len(box.connections) == 2


@pytest.mark.parametrize("at_once", [False, True])
async def test_mail_goes_over_tls_to_whom_we_trust_alone(at_once: bool, tmp_path: Path) -> None:
    authority, other = trustme.CA(), trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost").configure_cert(context)
    for name, ca in (("ours", authority), ("other", other)):
        ca.cert_pem.write_to_path(tmp_path / name)
    async with mailbox(context, at_once=at_once) as box:
        tls = {"tls": True, "implicittls": at_once}
        async with sending(box, Context(tls=ClientTls(cafile=str(tmp_path / "ours"))), **tls) as output:
            await output.send([alert()])
        assert len(box.mails) == 1
        async with sending(box, Context(tls=ClientTls(cafile=str(tmp_path / "other"))), **tls) as output:
            assert isinstance(await refusal(output), MisconfiguredError)
        async with sending(
            box, Context(tls=ClientTls(cafile=str(tmp_path / "other"))), checkcert=False, **tls
        ) as output:
            await output.send([alert()])
    assert len(box.mails) == 2


async def test_a_server_without_starttls_is_not_sent_to_in_the_clear() -> None:
    async with mailbox() as box, sending(box, tls=True) as output:
        assert isinstance(await refusal(output), MisconfiguredError)
    assert box.mails == []


async def test_a_login_that_is_refused_is_ours_to_mend_and_nothing_is_sent() -> None:
    async with mailbox() as box:
        box.login_wanted = ("PLAIN", b"\0falco\0right")
        async with sending(box, user="falco", password="wrong") as output:
            error = await refusal(output)
            assert isinstance(error, MisconfiguredError)
            assert "wrong" not in str(error)
        assert box.mails == []
        async with sending(box, user="falco", password="right") as output:
            await output.send([alert()])
    assert len(box.mails) == 1


@pytest.mark.parametrize(
    ("answer", "error"), [("452 mailbox full", RetryableError), ("554 looks like spam", PermanentError)]
)
async def test_a_mail_that_is_refused_is_kept_or_set_aside_as_the_server_says(
    answer: str, error: type[DeliveryError]
) -> None:
    async with mailbox() as box, sending(box) as output:
        box.answers = [answer]
        assert type(await refusal(output)) is error
        await output.send([alert()])
    assert len(box.mails) == 1


async def test_a_mail_that_is_too_large_does_not_hold_up_the_others() -> None:
    async with mailbox(limit=50_000) as box, sending(box) as output:
        with pytest.raises(PermanentError, match="552"):
            await output.send([alert(output="x" * 50_000)])
        await output.send([alert()])
    assert len(box.mails) == 1


async def test_an_unknown_receiver_is_ours_to_mend_but_does_not_keep_mail_from_the_others() -> None:
    async with mailbox() as box:
        box.unknown = "gone@example.com"
        async with sending(box, to="gone@example.com, soc@example.com") as output:
            await output.send([alert()])
        assert box.envelopes[0].rcpt_tos == ["soc@example.com"]
        async with sending(box, to="gone@example.com") as output:
            assert isinstance(await refusal(output), MisconfiguredError)


@pytest.mark.parametrize("end", ["kill", "stop"])
async def test_a_real_server_ended_in_mid_stream_has_every_mail(end: str, exim: Exim, tmp_path: Path) -> None:
    """It knows no mail by its id, so the one that was on its way may be there twice."""
    before = len(exim.taken())
    output = made(exim.address, exim.certificates.context, user=USER, password=PASSWORD, retry=RETRY)
    events = await through(output, tmp_path, restart(getattr(exim, end), exim), between=40)
    taken = [name.partition("@")[0] for name in exim.taken()[before:]]
    assert {event.uuid for event in events} == set(taken)
    assert len(taken) - len(events) <= 1
    found = {name.partition("@")[0]: body for name, body in exim.mails()}
    kept = [(number, found[event.uuid]) for number, event in enumerate(events) if event.uuid in found]
    assert len(events) - len(kept) <= (end == "stop")
    for number, body in kept:
        assert f"number: {number}\n" in body
        assert body.rstrip().endswith(f"--alert-{events[number].uuid}--")


async def test_a_real_server_refuses_a_wrong_password_and_who_has_none(exim: Exim) -> None:
    for user, password in ((USER, "wrong-secret"), ("", "")):
        with pytest.raises(MisconfiguredError) as raised:
            async with connected(made(exim.address, exim.certificates.context, user=user, password=password)) as output:
                await output.send([alert()])
        assert "wrong-secret" not in str(raised.value)
