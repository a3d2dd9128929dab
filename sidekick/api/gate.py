"""Stands before everything that port 2802 serves, so that no route can forget to ask who comes.

To the API nobody comes without being known, nobody changes anything who may only look or was made to by another site,
and no body is read that is too long. Pages ask for themselves, for they send people to the login.
"""

import logging

from fastapi import Request, Response
from fastapi.responses import RedirectResponse
from starlette.datastructures import MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sidekick.api.problem import problem
from sidekick.control.ports import Access
from sidekick.web.frame import LoginNeededError, read_body
from sidekick.web.page import HEADERS

log = logging.getLogger(__name__)
_SAFE = {"GET", "HEAD", "OPTIONS", "TRACE"}
"""Methods that change nothing (RFC 9110, section 9.2.1)."""
_MOST_BYTES = 1 << 20
_TOO_LONG = f"The body is longer than {_MOST_BYTES:,} bytes."


class Gate:
    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app = app
        self._access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            await self._answer(Request(scope, receive), _dressing(send))
        except ClientDisconnect:
            log.debug("page: a client left before its request was whole")

    async def _answer(self, request: Request, send: Send) -> None:
        receive = request.receive
        refusal = self._refusal(request)
        if refusal is None and _is_api(request) and request.method not in _SAFE:
            body = await read_body(request, _MOST_BYTES)
            refusal = _unfit(request, body)
            receive = _replaying(body or b"", receive)
        await (refusal or self._app)(request.scope, receive, send)

    def _refusal(self, request: Request) -> Response | None:
        if sentence := self._access.refusal(request):
            return problem(421, sentence)
        if not _is_api(request):
            return None
        visitor = self._access.visitor(request)
        if visitor is None:
            return _unknown(request)
        request.state.visitor = visitor
        if request.method in _SAFE:
            return None
        if self._access.forged(request, visitor):
            return problem(403, "Another site's page may have sent this: send the header X-CSRF-Token, or use a token.")
        if not visitor.may_change:
            return problem(403, f"{visitor.name} may look at everything and change nothing.")
        return None


def _is_api(request: Request) -> bool:
    return f"{request.scope['path']}/".startswith("/api/")


def _unknown(request: Request) -> Response:
    if request.method == "GET" and "text/html" in request.headers.get("accept", ""):
        return RedirectResponse(LoginNeededError(request.url.path).address, 303)
    sentence = "Log in, or send a token in the header `Authorization: Bearer TOKEN`."
    return problem(401, sentence, **{"WWW-Authenticate": "Bearer"})


def _unfit(request: Request, body: bytes | None) -> Response | None:
    if body is None:
        return problem(413, _TOO_LONG)
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if body and kind != "application/json":
        return problem(415, "Send the body as application/json.")
    return None


def _replaying(body: bytes, receive: Receive) -> Receive:
    """Gives a body that was read already, then whatever comes."""
    read = False

    async def replay() -> Message:
        nonlocal read
        if read:
            return await receive()
        read = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay


def _dressing(send: Send) -> Send:
    """Gives every answer the headers that keep a browser from running or keeping what it should not."""

    async def dressed(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            if "etag" in headers:  # a file of ours, which is asked for again and not sent again
                headers.setdefault("Cache-Control", "no-cache")
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
        await send(message)

    return dressed
