"""Logins that last: kept in memory, so that a restart ends them all."""

import hashlib
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from sidekick.control.access.accounts import Account

_MOST = 1000


@dataclass(frozen=True)
class Session:
    """`user` is as it was at the login: one whose password or role has changed since has to log in again."""

    id: str
    user: Account
    ends: float


class Sessions:
    """At most a thousand, the oldest making way; `life` is in seconds, `clock` gives such of any beginning."""

    def __init__(self, life: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.life = life
        self._clock = clock
        self._sessions: OrderedDict[bytes, Session] = OrderedDict()

    def begin(self, user: Account) -> Session:
        session = Session(secrets.token_urlsafe(32), user, self._clock() + self.life)
        self._sessions[_key(session.id)] = session
        if len(self._sessions) > _MOST:
            self._sessions.popitem(last=False)
        return session

    def find(self, id: str) -> Session | None:
        """The session of that id, if it lasts still."""
        session = self._sessions.get(_key(id))
        if session is not None and session.ends <= self._clock():
            self.end(id)
            return None
        return session

    def end(self, id: str) -> None:
        self._sessions.pop(_key(id), None)


def _key(id: str) -> bytes:
    """Found by a hash, so that the time of the search tells nothing of the ids there are."""
    return hashlib.sha256(id.encode("utf-8", "replace")).digest()
