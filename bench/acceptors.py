"""The servers that `bench.accept` compares: `python -m bench.acceptors NAME PORT` runs one until it is terminated."""

import asyncio
import signal
import sys
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import uvicorn
import uvloop
import yaml
from fastapi import FastAPI, Response
from pydantic import BaseModel

from sidekick.__main__ import main
from sidekick.event import decode
from sidekick.journal import Journal, JournalSettings
from sidekick.receiver import Done, ListenSettings, Receiver, RefusedLog, Sender, Service
from sidekick.receiver.state import Accept

ENRICHMENT: dict[str, Any] = {
    "customfields": {"cluster": "production", "region": "eu-west-1"},
    "customtags": ["team-security", "production"],
    "templatedfields": {
        "owner": '{{ or (index . "k8s.ns.name") "nobody" }}',
        "place": '{{ index . "k8s.ns.name" }}/{{ index . "k8s.pod.name" }} on {{ .cluster }}',
    },
    "bracketreplacer": "_",
    "outputfieldformat": "<timestamp>: <priority> <output> <custom_fields> <templated_fields> <tags>",
}
"""Every kind of it at once."""
FILTERS = (
    "priority >= Emergency",
    "source = k8s_audit and ka.verb in (create, delete)",
    "k8s.ns.name in (kube-system, falco)",
    "rule startswith 'Contact K8S' and not user.name = root",
    "tags intersects (network, mitre_exfiltration)",
    "proc.cmdline regex '.*(wget|curl) .*'",
    "fd.rip net 10.0.0.0/8 or fd.sip net 10.0.0.0/8",
    "hostname glob 'gpu-*' and priority >= Warning",
    "container.image.repository contains nginx",
    "priority >= Warning and not k8s.ns.name = default and (tags intersects (network) or rule glob '*shell*')",
)
"""None of them passes the alert that is sent, so that the filters are all that the outputs cost."""


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

    def accept(body: bytes, done: Done, sender: Sender) -> None:
        decode(body)
        done(None)

    async def ready() -> None: ...

    _receiver(port, accept, ready)


def receiver_and_journal(port: int) -> None:
    """What the service does: nothing is answered before it is written."""
    with tempfile.TemporaryDirectory() as directory:
        journal = Journal.open(JournalSettings(path=directory))

        def accept(body: bytes, done: Done, sender: Sender) -> None:
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


def service(**settings: Any) -> Callable[[int], None]:
    """The whole service, run with that configuration."""

    def run(port: int) -> None:
        with tempfile.TemporaryDirectory() as home:
            base = {"listenaddress": "127.0.0.1", "listenport": port, "folder": home, "log": {"level": "error"}}
            file = Path(home, "config.yaml")
            file.write_text(yaml.safe_dump(base | settings))
            main(["-c", str(file)])

    return run


def filtered() -> dict[str, Any]:
    """An output for each filter."""
    return {f"file.n{number}": {"path": "/dev/null", "filter": filter} for number, filter in enumerate(FILTERS)}


SERVERS = {
    "FastAPI route, pydantic body": fastapi_route,
    "bare ASGI application": bare_asgi,
    "receiver, nothing kept": receiver,
    "receiver and journal": receiver_and_journal,
    "whole service": service(),
    "with all enrichment": service(**ENRICHMENT),
    "with all enrichment, 10 filters": service(**ENRICHMENT, **filtered()),
}

if __name__ == "__main__":
    SERVERS[sys.argv[1]](int(sys.argv[2]))
