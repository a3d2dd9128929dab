"""Every answer of the receiver that is not a page: the empty 200, and the plain-text refusals.

Statuses and texts are falcosidekick's where it has them; it answers 400, never 405, to a wrong method.
"""

from http import HTTPStatus
from typing import NamedTuple

PLAIN = (("Content-Type", "text/plain; charset=utf-8"), ("X-Content-Type-Options", "nosniff"))
_BEARER = (("WWW-Authenticate", "Bearer"),)


class Refusal(NamedTuple):
    """Why a request is not taken: `reason` is the word it is counted by, `ends` closes the connection after it."""

    status: int
    text: str
    reason: str
    headers: tuple[tuple[str, str], ...] = ()
    ends: bool = False

    @property
    def body(self) -> bytes:
        return self.text.encode() + b"\n" if self.text else b""

    @property
    def fields(self) -> tuple[tuple[str, str], ...]:
        """Header fields, save those that belong to the connection."""
        kind = PLAIN if self.text else ()
        return (*kind, ("Content-Length", str(len(self.body))), *self.headers)

    def render(self, date: str, *, keep_alive: bool, head_only: bool = False) -> bytes:
        return _answer(self.status, (*self.fields, *_dated(date, keep_alive)), b"" if head_only else self.body)


METHOD = Refusal(400, "Please send with post http method", "method")
NOT_FOUND = Refusal(404, "404 page not found", "path")
TOO_LARGE = Refusal(413, "The body is larger than receiver.bodylimit", "size", ends=True)
HEAD_TOO_LARGE = Refusal(431, "The headers are larger than receiver.headerlimit", "header size", ends=True)
NO_HTTP = Refusal(400, "Invalid HTTP request received.", "http", ends=True)
CUT_SHORT = Refusal(400, "The request ended before its body did", "cut short", ends=True)
TOO_SLOW = Refusal(408, "The request did not arrive in time", "slow", ends=True)
TOO_MANY = Refusal(503, "Too many connections", "connections", (("Retry-After", "1"),), ends=True)
# Who is not known does not keep a connection, of which there are only so many.
TOKEN_MISSING = Refusal(401, "Please send with the token of a sender", "token missing", _BEARER, ends=True)
TOKEN_UNKNOWN = Refusal(401, "Please send with the token of a sender", "token unknown", _BEARER, ends=True)
NETWORK = Refusal(403, "Please send from a network that is allowed", "network", ends=True)
UNAVAILABLE = Refusal(503, "The alert could not be stored, send it again", "unavailable", (("Retry-After", "1"),))
FAULT = Refusal(500, "Internal Server Error", "fault")


def not_an_alert(reason: str) -> Refusal:
    """A body that `decode` refused."""
    return Refusal(400, "Please send a valid request body", reason)


def accepted(date: str, *, keep_alive: bool) -> bytes:
    return _answer(200, (("Content-Length", "0"), *_dated(date, keep_alive)), b"")


def _dated(date: str, keep_alive: bool) -> tuple[tuple[str, str], ...]:
    return (("Date", date),) if keep_alive else (("Date", date), ("Connection", "close"))


def _answer(status: int, fields: tuple[tuple[str, str], ...], body: bytes) -> bytes:
    lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}", *(f"{name}: {value}" for name, value in fields), "\r\n"]
    return "\r\n".join(lines).encode("latin-1") + body
