"""Hosts, and addresses written as `host:port`, of destinations that are not spoken to by URL."""

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator

from sidekick.sdk.settings import Text


def checked_host(text: str) -> str:
    """The name, or ValueError where it has an empty part or one above 63 characters: no resolver looks that up."""
    try:
        text.encode("idna")
    except UnicodeError:
        raise ValueError(f"{text!r} is no name of a host") from None
    return text


def host_and_port(text: str, port: int | None = None) -> tuple[str, int]:
    """The host (without the brackets of an IPv6 address) and the port, `port` where none is written; or ValueError."""
    parts = urlsplit(f"//{text}")
    number = parts.port or port
    if not parts.hostname or number is None or parts.path:
        raise ValueError(f"{text!r} is no host:port")
    return checked_host(parts.hostname), number


def _checked(text: str) -> str:
    if text:
        host_and_port(text)
    return text


Host = Annotated[Text, AfterValidator(checked_host)]
HostPort = Annotated[Text, AfterValidator(_checked)]
