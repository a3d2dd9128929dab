"""The servers that `bench.accept` compares: `python -m bench.acceptors NAME PORT` runs one until it is terminated."""

import asyncio
import signal
import sys
import tempfile
from collections.abc import Awaitable, Callable
from typing import Any

import uvicorn
import uvloop
from fastapi import FastAPI, Response
from pydantic import BaseModel

from sidekick.event import decode
from sidekick.journal import Journal, JournalSettings
from sidekick.receiver import ListenSettings, Receiver, RefusedLog, Service
from sidekick.receiver.state import Accept


class Alert(BaseModel):
    output: str
    priority: str
    rule: str
    time: str
    output_fields: dict[str, Any]
    source: str = "syscalls"
    tags: list[str] = []
    hostname: str = ""


def fastapi_route(port: int) -> None:
    app = FastAPI()

    @app.post("/falco")
    async def take(alert: Alert) -> Response:  # pyright: ignore[reportUnusedFunction]
        return Response()

    _uvicorn(app, port)


def bare_asgi(port: int) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        body, more = b"", True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        decode(body)
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body"})

    _uvicorn(app, port)


def _uvicorn(app: Any, port: int) -> None:
    uvicorn.run(app, port=port, loop="uvloop", http="httptools", lifespan="off", log_level="warning", access_log=False)


def receiver(port: int) -> None:
    """The receiver alone: alerts are decoded and forgotten."""

    def accept(body: bytes, done: Callable[[OSError | None], None]) -> None:
        decode(body)
        done(None)

    async def ready() -> None: ...

    _receiver(port, accept, ready)


def receiver_and_journal(port: int) -> None:
    """What the service does: nothing is answered before it is written."""
    with tempfile.TemporaryDirectory() as directory:
        journal = Journal.open(JournalSettings(path=directory))

        def accept(body: bytes, done: Callable[[OSError | None], None]) -> None:
            journal.append([event.json for event in decode(body)], done)

        _receiver(port, accept, journal.start)


def _receiver(port: int, accept: Accept, start: Callable[[], Awaitable[None]]) -> None:

    async def serve() -> None:
        await start()
        service = Service(accept, RefusedLog(), lambda: (True, {}), lambda: b"")
        await Receiver(ListenSettings(listenaddress="127.0.0.1", listenport=port), service).start()
        stop = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
        await stop.wait()

    uvloop.run(serve())


SERVERS = {
    "FastAPI route, pydantic body": fastapi_route,
    "bare ASGI application": bare_asgi,
    "receiver, nothing kept": receiver,
    "receiver and journal": receiver_and_journal,
}

if __name__ == "__main__":
    SERVERS[sys.argv[1]](int(sys.argv[2]))
