"""Keys of `api` that say who may come in."""

import re
from ipaddress import ip_network
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, SecretStr, model_validator

from sidekick.control.access.password import check_hash
from sidekick.sdk.settings import AnyCase, Duration, Flag, Secret, Settings, Text, WordList

Role = Annotated[Literal["admin", "reader"], AnyCase]
_NAME = re.compile(r"[A-Za-z0-9._@-]{1,64}", re.ASCII)
_SHORTEST_TOKEN = 16


def _name(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise ValueError("a name is of letters, digits or . _ @ -, 64 at most")
    return text


def _networks(words: tuple[str, ...]) -> tuple[str, ...]:
    for word in words:
        ip_network(word)
    return words


def _hash(text: SecretStr) -> SecretStr:
    check_hash(text.get_secret_value())
    return text


def _token(token: SecretStr) -> SecretStr:
    """Refuses what could be guessed, for nobody is slowed down who tries."""
    if len(token.get_secret_value()) < _SHORTEST_TOKEN:
        raise ValueError(f"has {_SHORTEST_TOKEN} characters or more: `openssl rand -hex 16` makes such")
    return token


Name = Annotated[str, AfterValidator(_name)]


class UserSettings(Settings):
    """An entry of `api.users`: a name, as it is typed at the login and stands in the trail."""

    password: Annotated[Secret, AfterValidator(_hash)]
    """Its hash, as `sidekick password` prints it."""
    role: Role = "admin"
    """admin, or reader: looks at everything and changes nothing."""


class TokenSettings(Settings):
    """An entry of `api.tokens`: a name, as it stands in the trail."""

    token: Annotated[Secret, AfterValidator(_token)]
    """What comes in the header `Authorization: Bearer TOKEN`."""
    role: Role = "reader"
    """admin, or reader: looks at everything and changes nothing."""


class ProxySettings(Settings):
    """A proxy in front that knows who people are; what anybody else says of it is not heard."""

    networks: Annotated[WordList, AfterValidator(_networks)] = ()
    """Addresses or networks that the proxy's requests come from."""
    header: Text = ""
    """Header in which it names who is logged in, such as X-Forwarded-User. It must take that header from everybody
    else's requests."""
    groupsheader: Text = ""
    """Header with the groups of who is logged in, in a comma list, such as X-Forwarded-Groups."""
    admins: WordList = ()
    """Names of those who may change things; everybody else may only look."""
    admingroups: WordList = ()
    """Groups of `groupsheader` whose members may change things, too."""

    @model_validator(mode="after")
    def _whole(self) -> "ProxySettings":
        if self.header and not self.networks:
            raise ValueError("`header` without `networks` would let anybody be anyone: name the proxy's addresses")
        if self.admingroups and not self.groupsheader:
            raise ValueError("`admingroups` without `groupsheader` would let nobody in: name the groups' header")
        return self


class AccessSettings(Settings):
    """Who may come in. On loopback everybody may, unless one of these keys names somebody."""

    login: Flag = False
    """Ask for a login on loopback too, as behind a proxy on the same host."""
    hosts: WordList = ()
    """Names under which the page is reached without a login, beside localhost and that of `url`."""
    users: dict[Name, UserSettings] = Field(default_factory=dict[str, UserSettings])
    """Who may log in, by name, each with `password` (a hash that `sidekick password` makes) and `role` (admin or
    reader). Without any there is `admin`, whose password is logged once, when it is made."""
    tokens: dict[Name, TokenSettings] = Field(default_factory=dict[str, TokenSettings])
    """Programs that use the API, by name, each with `token` and `role` (reader or admin)."""
    session: Annotated[Duration, Field(gt=0)] = 43_200.0
    """How long a login lasts."""
    proxy: ProxySettings = ProxySettings()
    """Single sign-on by a proxy in front."""
