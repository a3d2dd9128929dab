"""Keys of `api` that say who may come in."""

from collections import Counter
from collections.abc import Iterable
from ipaddress import ip_network
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, SecretStr, model_validator

from sidekick.control.access.password import check_hash
from sidekick.sdk.settings import NO_SECRET, AnyCase, Duration, Flag, Secret, Settings, Text, WordList

Role = Annotated[Literal["admin", "reader"], AnyCase]
_SHORTEST_TOKEN = 20


def _networks(words: tuple[str, ...]) -> tuple[str, ...]:
    for word in words:
        ip_network(word)
    return words


def _token(token: SecretStr) -> SecretStr:
    """Refuses what could be guessed, for nobody is slowed down who tries."""
    if len(token.get_secret_value()) < _SHORTEST_TOKEN:
        raise ValueError(f"a token has at least {_SHORTEST_TOKEN} characters: `openssl rand -hex 20` makes one")
    return token


class UserSettings(Settings):
    """An entry of `api.users`."""

    name: Annotated[Text, Field(min_length=1)]
    """As it is typed at the login, and stands in the trail."""
    password: Annotated[Text, AfterValidator(check_hash)]
    """Its hash, as `sidekick password` prints it."""
    role: Role = "admin"
    """admin, or reader: looks at everything and changes nothing."""


class TokenSettings(Settings):
    """An entry of `api.tokens`."""

    name: Annotated[Text, Field(min_length=1)]
    """As it stands in the trail."""
    token: Annotated[Secret, AfterValidator(_token)] = NO_SECRET
    """What comes in the header `Authorization: Bearer`."""
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
    """Names and groups that may change things; everybody else may only look."""

    @model_validator(mode="after")
    def _whole(self) -> "ProxySettings":
        if self.header and not self.networks:
            raise ValueError("`header` without `networks` would let anybody be anyone: name the proxy's addresses")
        return self


class AccessSettings(Settings):
    """Who may come in. On loopback everybody may, unless one of these keys names somebody."""

    login: Flag = False
    """Ask for a login on loopback too, as behind a proxy on the same host."""
    hosts: WordList = ()
    """Names under which the page is reached without a login, beside localhost and that of `url`."""
    users: tuple[UserSettings, ...] = ()
    """Who may log in. Without any there is `admin`, whose password is logged once, when it is made."""
    tokens: tuple[TokenSettings, ...] = ()
    """Secrets of programs that use the API."""
    session: Annotated[Duration, Field(gt=0)] = 43_200.0
    """How long a login lasts."""
    proxy: ProxySettings = ProxySettings()
    """Single sign-on by a proxy in front."""

    @model_validator(mode="after")
    def _no_namesakes(self) -> "AccessSettings":
        for key, names in (("users", _names(self.users)), ("tokens", _names(self.tokens))):
            if twice := [name for name, count in Counter(names).items() if count > 1]:
                raise ValueError(f"{key}: {twice[0]!r} is there twice")
        return self


def _names(entries: Iterable[UserSettings] | Iterable[TokenSettings]) -> list[str]:
    return [entry.name for entry in entries]
