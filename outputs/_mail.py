"""An alert as a mail (RFC 5322), in text and HTML."""

from email.message import EmailMessage
from email.policy import SMTP as WIRE
from email.utils import format_datetime, getaddresses
from html import escape
from typing import Annotated

from pydantic import AfterValidator

from sidekick.sdk import Event, Text
from sidekick.sdk.message import COLOURS, LISTING, Message, shortened

# RFC 5322, 2.1.1: characters of a line.
_SUBJECT = 998
# No mail may hold these (RFC 5322, 4.1), so that by one of them an alert could keep itself away.
_CONTROLS = dict.fromkeys((*range(9), 11, 12, *range(14, 32), 127), "\ufffd")


def addresses(text: str) -> list[str]:
    return [address for _, address in getaddresses([text]) if address]


def _checked(text: str) -> str:
    """Refuses what the head of a mail cannot hold; names may have letters of every kind, addresses have not."""
    if text and (not addresses(text) or len(text.splitlines()) > 1 or not "".join(addresses(text)).isascii()):
        raise ValueError(f"{text!r} is no address of mail in ASCII")
    return text


Addresses = Annotated[Text, AfterValidator(_checked)]


def mail_of(event: Event, link: str, sender: str, to: str, *, html: bool) -> bytes:
    """As it goes to a server: the same alert gives the same mail, with the same Message-ID."""
    message = Message.of(event, LISTING, link=link, every=True)
    mail = EmailMessage()
    mail["Subject"] = _subject(f"[{event.priority.value}] {event.output}")
    mail["From"] = sender
    mail["To"] = to
    mail["Date"] = format_datetime(event.datetime)
    mail["Message-ID"] = f"<{event.uuid}@{addresses(sender)[0].rpartition('@')[2]}>"
    mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: no answer of a holiday
    text = f"{message.text}\n\n{message.listed(lambda fact: f'{fact.name}: {fact.value}')}\n"
    mail.set_content(text.translate(_CONTROLS))
    if html:
        mail.add_alternative(_html(message, COLOURS[event.priority]).translate(_CONTROLS), subtype="html")
        mail.set_boundary(f"alert-{event.uuid}")
    return mail.as_bytes(policy=WIRE)


def _subject(text: str) -> str:
    """One line whatever the alert holds: a line's end in a header would begin the next one, and so would an encoded
    one (RFC 2047), which the library decodes."""
    return shortened(" ".join(text.split()).translate(_CONTROLS).replace("=?", "= ?"), _SUBJECT)


def _html(message: Message, colour: str) -> str:
    rows = message.listed(
        lambda fact: f'<tr><th align="left" valign="top">{escape(fact.name)}</th><td>{escape(fact.value)}</td></tr>'
    )
    return (
        f'<body style="font-family: sans-serif"><h3 style="background: {colour}; padding: 8px">{escape(message.title)}'
        f"</h3>\n<p>{escape(message.text)}</p>\n<table>\n{rows}\n</table></body>\n"
    )
