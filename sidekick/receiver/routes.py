"""The pages beside the alerts: ping, healthz, readyz, test and metrics, as a plain ASGI application."""

import asyncio
import gzip
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from sidekick.event import Event
from sidekick.journal import JournalFull
from sidekick.receiver.answers import METHOD, PLAIN, UNAVAILABLE, Refusal
from sidekick.receiver.state import State

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

_TEXT = "text/plain; charset=utf-8"
_JSON = "application/json"
_EXPOSITION = "text/plain; version=0.0.4; charset=utf-8"


class Page(NamedTuple):
    body: bytes
    headers: tuple[tuple[str, str], ...]
    status: int = 200


class Routes:
    """ASGI application of the receiver's own paths."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._pages: dict[str, Callable[[Scope], Awaitable[Page]]] = {
            "/ping": self._ping,
            "/healthz": self._healthz,
            "/readyz": self._readyz,
            "/test": self._test,
            "/metrics": self._metrics,
        }

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        page = await self._pages[scope["path"]](scope)
        headers = (*page.headers, ("Content-Length", str(len(page.body))))
        encoded = [(name.encode(), value.encode()) for name, value in headers]
        await send({"type": "http.response.start", "status": page.status, "headers": encoded})
        await send({"type": "http.response.body", "body": page.body})

    async def _ping(self, scope: "Scope") -> Page:
        return Page(b"pong\n", (("Content-Type", _TEXT),))

    async def _healthz(self, scope: "Scope") -> Page:
        return Page(b'{"status": "ok"}', (("Content-Type", _JSON),))

    async def _readyz(self, scope: "Scope") -> Page:
        ready, detail = self._state.service.ready()
        status = 200 if ready and not self._state.closing else 503
        return Page(msgspec.json.encode(detail), (("Content-Type", _JSON),), status)

    async def _test(self, scope: "Scope") -> Page:
        if scope["method"] != "POST":
            return self._refused(METHOD)
        stored: asyncio.Future[OSError | None] = asyncio.get_running_loop().create_future()
        try:
            self._state.service.accept(Event.test().json, stored.set_result, scope["state"]["sender"])
            error = await stored
        except JournalFull:
            return self._refused(UNAVAILABLE)
        if error is not None:
            return self._refused(UNAVAILABLE)
        self._state.accepted += 1
        return Page(b"", ())

    async def _metrics(self, scope: "Scope") -> Page:
        body = self._state.service.metrics()
        headers = (("Content-Type", _EXPOSITION),)
        if not _takes_gzip(scope):
            return Page(body, headers)
        # Compressing the series of a large fleet takes longer than an alert may wait.
        return Page(await asyncio.to_thread(gzip.compress, body, 6), (*headers, ("Content-Encoding", "gzip")))

    def _refused(self, refusal: Refusal) -> Page:
        self._state.service.refused.add(refusal.reason, b"", "")
        return Page(refusal.body, (*PLAIN, *refusal.headers), refusal.status)


def _takes_gzip(scope: "Scope") -> bool:
    """RFC 9110, section 12.5.3, as far as scrapers go: gzip is named, and not with the weight 0."""
    offers = b",".join(value for name, value in scope["headers"] if name == b"accept-encoding").lower().split(b",")
    weights = {coding.strip(): weight.replace(b" ", b"") for coding, _, weight in (o.partition(b";") for o in offers)}
    return b"gzip" in weights and weights[b"gzip"] not in (b"q=0", b"q=0.0", b"q=0.00", b"q=0.000")
