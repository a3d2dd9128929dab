"""The receiver's protocol beside uvicorn's own, on the same bytes: the same answers to the same requests.

Both run in one loop on transports that only remember. uvicorn is fed byte by byte and may answer each request before
the next begins: in one piece it would forget the requests that it has not answered when an error follows them.
"""

import asyncio
import re
from collections.abc import Callable, Sequence
from typing import Any, Self

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from sidekick.event import DecodeError, decode
from sidekick.receiver import RefusedLog, Service
from sidekick.receiver.answers import METHOD, PLAIN, Refusal, not_an_alert
from sidekick.receiver.paths import Paths, Target
from sidekick.receiver.protocol import AlertProtocol
from sidekick.receiver.routes import Routes
from sidekick.receiver.settings import ReceiverSettings
from sidekick.receiver.state import Done, State

_ANSWER = re.compile(rb"HTTP/1\.1 (\d+) .*?\r\n\r\n(.*?)(?=HTTP/1\.1 |$)", re.DOTALL)
_TURNS = 50
_OURS_ALONE = (b"gzip", b"upgrade")
Answers = list[tuple[int, bytes]]
"""Statuses and bodies; an invitation to go on is no answer."""


class Answering:
    """An ASGI application that answers as the receiver does."""

    def __init__(self, routes: Routes) -> None:
        self._routes = routes
        self._paths = Paths()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if self._paths.target(scope["raw_path"]) is Target.PAGE:
            await self._routes(scope, receive, send)
            return
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message.get("body", b""), message.get("more_body", False)
        refusal = METHOD if scope["method"] != "POST" else _refusal(body)
        headers = refusal.fields if refusal else (*PLAIN, ("Content-Length", "0"))
        encoded = [(name.encode(), value.encode()) for name, value in headers]
        await send({"type": "http.response.start", "status": refusal.status if refusal else 200, "headers": encoded})
        await send({"type": "http.response.body", "body": refusal.body if refusal else b""})


def _refusal(body: bytes) -> Refusal | None:
    try:
        decode(body)
    except DecodeError as error:
        return not_an_alert(error.reason)
    return None


def configuration(app: Any) -> Config:
    """Of uvicorn, as the receiver has it."""
    config = Config(
        app, ws="none", lifespan="off", interface="asgi3", log_config=None, log_level="critical", access_log=False
    )
    config.load()
    return config


class Memory(asyncio.Transport):
    """Keeps what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.ended = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if not self.ended:
            self.written += data

    def close(self) -> None:
        self.ended = True

    abort = write_eof = close

    def is_closing(self) -> bool:
        return self.ended

    def can_write_eof(self) -> bool:
        return True

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...


class Comparison:
    """Both protocols, to be given bytes; a context manager, since it owns the loop."""

    def __enter__(self) -> Self:
        self._loop = asyncio.new_event_loop()
        service = Service(self._accept, RefusedLog(), lambda: (True, {}), lambda: b"m 1\n")
        self._loop.run_until_complete(self._set_up(service))
        return self

    async def _set_up(self, service: Service) -> None:
        self._state = State(service, ReceiverSettings())
        self._uvicorns = ServerState()
        routes = Routes(self._state)
        self._configs = configuration(routes), configuration(Answering(routes))

    def __exit__(self, *_: object) -> None:
        self._loop.close()

    def _accept(self, body: bytes, done: Done, sender: object = None) -> None:
        decode(body)
        self._loop.call_soon(done, None)

    def __call__(self, data: bytes) -> None:
        """Raises AssertionError where the answers differ, but for what the receiver can and uvicorn cannot."""
        if any(word in data.lower() for word in _OURS_ALONE):
            return
        ours, theirs = self._loop.run_until_complete(self._answers(data))
        assert ours == theirs, f"{ours} is not uvicorn's {theirs}"

    async def _answers(self, data: bytes) -> tuple[Answers, Answers]:
        mine, other = self._configs
        pieces = [data[at : at + 1] for at in range(len(data))]
        return (
            await _run(AlertProtocol(mine, self._state, Paths()), [data]),
            await _run(HttpToolsProtocol(other, self._uvicorns, {}), pieces),
        )


async def _run(protocol: HttpToolsProtocol, pieces: Sequence[bytes]) -> Answers:
    memory = Memory()
    protocol.connection_made(memory)
    for piece in pieces:
        if memory.is_closing():
            break
        protocol.data_received(piece)
        if _asked(protocol):
            await _turns(lambda: not (_asked(protocol) or protocol.pipeline))
    protocol.connection_lost(None)
    await _turns(lambda: not protocol.tasks)
    return [(int(status), body.rstrip(b"\n")) for status, body in _ANSWER.findall(memory.written) if status != b"100"]


def _asked(protocol: HttpToolsProtocol) -> bool:
    """Whether a request that has come in full is not answered yet; of an alert it is not known when it is in full."""
    cycle = protocol.cycle
    return bool(cycle) and not (cycle.response_complete or getattr(cycle, "more_body", False))


async def _turns(reached: Callable[[], bool]) -> None:
    """Lets the loop turn until then, but not for ever: a request may never come in full."""
    for _ in range(_TURNS):
        if reached():
            return
        await asyncio.sleep(0)
