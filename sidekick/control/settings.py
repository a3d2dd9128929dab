"""Keys of `api`: where people reach the page and the JSON API."""

from typing import Annotated

from pydantic import AfterValidator

from sidekick.control.access.origin import origin_of
from sidekick.control.access.settings import AccessSettings
from sidekick.sdk.settings import Flag, IpAddress, Port, Settings, Text


def _url(text: str) -> str:
    """Refuses what links and the origins of forms could not be made of."""
    if text and not origin_of(text).startswith(("http://", "https://")):
        raise ValueError(f"{text!r} is no URL: write http:// or https:// and the host")
    return text


class PlaceSettings(Settings):
    """Where page and API are: off unless asked for, so that a service opens no second port unasked."""

    enabled: Flag = False
    """Serve the page and the JSON API."""
    address: IpAddress = "127.0.0.1"
    """IP address to listen on; anything but this host's own loopback needs a login."""
    port: Port = 2802
    """TCP port of the page and the API."""
    certfile: Text = ""
    """Certificate chain (PEM) to serve HTTPS with; empty means plain HTTP."""
    keyfile: Text = ""
    """Its private key (PEM), without a passphrase."""
    url: Annotated[Text, AfterValidator(_url)] = ""
    """Where people reach the page, such as https://sidekick.example.com: messages link to their alert there."""
    xdpsocket: Text = ""
    """Socket of the daemon sidekick-xdp, for the list of blocks; unset: that of the output `xdp`."""


class ApiSettings(AccessSettings, PlaceSettings):
    """The page and the JSON API."""
