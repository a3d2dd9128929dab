"""Tells who a visitor is, by loopback, token, proxy or session, and whether it is they who ask."""

import hashlib
import hmac
import logging
import math
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

from sidekick.control.access.accounts import Accounts, first_user
from sidekick.control.access.attempts import Attempts
from sidekick.control.access.origin import host_of, is_loopback, origin_of, own_page
from sidekick.control.access.proxy import TrustedProxy, came_through
from sidekick.control.access.sessions import Sessions
from sidekick.control.access.settings import AccessSettings, UserSettings
from sidekick.control.ports import RefusedError, Visitor

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

log = logging.getLogger(__name__)
COOKIE = "sidekick_session"
TOKEN_HEADER = "X-CSRF-Token"  # noqa: S105  (its name, not its value)


@dataclass(frozen=True)
class Person:
    """A visitor; `token` is what their forms bring back."""

    name: str
    may_change: bool
    token: str = ""
    logged_in: bool = False


class Doorkeeper:
    """Access to pages and API that listen at `address` (IP) and are known to people as `url`.

    `folder` keeps the first password's hash. Raises `AccessError`. `clock` gives seconds of any beginning.
    """

    def __init__(
        self, settings: AccessSettings, folder: Path, address: str, url: str, clock: Callable[[], float] = monotonic
    ) -> None:
        self._folder = folder
        self._key = secrets.token_bytes(32)
        self._attempts = Attempts(clock=clock)
        self._sessions = Sessions(settings.session, clock)
        self.configure(settings, address, url)

    def configure(self, settings: AccessSettings, address: str, url: str) -> None:
        """Other settings from now on; who is logged in and still a user stays so. Raises `AccessError`."""
        named = settings.login or settings.users or settings.tokens or settings.proxy.header
        opened = is_loopback(address) and not named
        users: Mapping[str, UserSettings] = settings.users
        if not (opened or users or settings.proxy.header):
            users = first_user(self._folder / "password")
        self._open = opened
        self._accounts = Accounts(users)
        self._tokens = [
            (_digest(entry.token.get_secret_value()), Person(name, entry.role == "admin"))
            for name, entry in settings.tokens.items()
        ]
        self._proxy = TrustedProxy(settings.proxy)
        self._hosts = {host_of(name) for name in (*settings.hosts, url)} - {""}
        self._origin = origin_of(url)
        self._over_tls = url.lower().startswith("https:")
        self._sessions.life = settings.session

    def refusal(self, request: "Request") -> str:
        """Why nobody is answered at all, in a sentence; empty as a rule.

        Without a login a name that is not ours may be one that another site's page made lead here (DNS rebinding),
        and what a proxy sends comes from anywhere.
        """
        if not self._open:
            return ""
        host = host_of(request.headers.get("host", ""))
        if not is_loopback(host) and host not in self._hosts:
            return f"{host[:100]!r} is no name of this page: name it in `api.hosts`, or ask for a login."
        if came_through(request):
            return "This came through a proxy, and nobody has to log in: set `api.login` or `api.proxy`."
        return ""

    def visitor(self, request: "Request") -> Person | None:
        if self._open:
            return Person("local", may_change=True, token=self._form_token("local"))
        if holder := self._holder(request):
            return holder
        if named := self._proxy.named(request):
            return Person(named.name, named.may_change, self._form_token(f"proxy {named.name}"))
        session = self._sessions.find(request.cookies.get(COOKIE, ""))
        if session is None or self._accounts.find(session.user.name) != session.user:
            return None
        user = session.user
        return Person(user.name, user.may_change, self._form_token(f"session {session.id}"), logged_in=True)

    def forged(self, request: "Request", visitor: Visitor) -> bool:
        """Whether another site's page may have made the visitor's browser ask for that change."""
        if self._holder(request):
            return False  # no browser adds a token by itself
        if visitor.token and _equal(request.headers.get(TOKEN_HEADER, ""), visitor.token):
            return False
        own = own_page(request, self._origin)
        return not (self._open if own is None else own)

    async def log_in(self, request: "Request", response: "Response", name: str, password: str) -> bool:
        """Raises `RefusedError` for who has to wait, and for another site's page."""
        if own_page(request, self._origin) is False:
            raise RefusedError("This login was not asked for on this page.")
        address = self._proxy.address(request)
        if wait := self._attempts.wait(address):
            raise RefusedError(f"Too many wrong passwords: try again in {math.ceil(wait / 60)} min.")
        self._attempts.failed(address)  # before it is known, so that many at once are no way around
        user = await self._accounts.check(name, password)
        if user is None:
            # A name that nobody has may be a password, typed into the wrong field.
            known = name if self._accounts.find(name) else "a name that no user has"
            log.warning("page: wrong name or password from %s for %s", address, known)
            return False
        self._attempts.succeeded(address)
        self._sessions.end(request.cookies.get(COOKIE, ""))
        log.info("page: %s logged in from %s", user.name, address)
        response.set_cookie(
            COOKIE,
            self._sessions.begin(user).id,
            max_age=int(self._sessions.life),
            secure=self._over_tls or self._proxy.over_tls(request),
            httponly=True,
            samesite="strict",
        )
        return True

    def log_out(self, request: "Request", response: "Response") -> None:
        self._sessions.end(request.cookies.get(COOKIE, ""))
        response.delete_cookie(COOKIE, httponly=True, samesite="strict")

    def _holder(self, request: "Request") -> Person | None:
        """Whose token came in `Authorization: Bearer TOKEN` (RFC 6750); the time it takes tells nothing."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            return None
        digest = _digest(token.strip())
        found = [person for known, person in self._tokens if hmac.compare_digest(known, digest)]
        return found[0] if found else None

    def _form_token(self, whose: str) -> str:
        return hmac.new(self._key, whose.encode("utf-8", "replace"), hashlib.sha256).hexdigest()


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "replace")).digest()


def _equal(one: str, other: str) -> bool:
    return hmac.compare_digest(_digest(one), _digest(other))
