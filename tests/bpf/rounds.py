"""Rounds of the whole way: POST an alert to sidekick, send packets from its source, see the first one dropped."""

import asyncio
import datetime as dt
import json
import time
from contextlib import closing
from http.client import HTTPConnection

from bpf import schema
from bpf.client import Client
from bpf.map import Map
from bpf.protocol import Unblock
from bpf.target import Target
from tests.bpf.host import Host
from tests.bpf.wire import ATTACKER4, HOST4, PORT

PATIENCE = 10.0


def alert(source: str, server: str = HOST4) -> bytes:
    """An inbound connection as Falco tells of one, a moment ago."""
    now = dt.datetime.now(dt.UTC).isoformat().replace("+00:00", "Z")
    fields = {"fd.cip": source, "fd.cport": 40000, "fd.sip": server, "fd.sport": 22, "fd.l4proto": "tcp"}
    body = {"hostname": "node-1", "output": "10:20:05.408091526: Warning Inbound connection", "output_fields": fields}
    rest = {"priority": "Warning", "rule": "Inbound connection", "source": "syscall", "tags": ["block_source"]}
    return json.dumps({**body, **rest, "time": now}).encode()


def post(connection: HTTPConnection, body: bytes) -> int:
    connection.request("POST", "/", body)
    answer = connection.getresponse()
    answer.read()
    return answer.status


def rounds(host: Host, port: int, count: int) -> list[float]:
    """Seconds from just before each POST until the first drop was seen, sorted."""
    target = Target.parse(ATTACKER4)
    taken: list[float] = []
    with (
        closing(Map.pinned(host.pins / "v1" / schema.map_name(target))) as blocked,
        closing(host.wire.receiver()),
        closing(host.wire.sender(ATTACKER4)) as sender,
        closing(HTTPConnection("127.0.0.1", port, timeout=PATIENCE)) as sidekick,
    ):
        sender.connect((HOST4, PORT))
        for _ in range(count):
            body = alert(ATTACKER4)
            begin = time.perf_counter()
            assert post(sidekick, body) == 200
            while not _dropped(blocked, target):
                sender.send(b"packet")
                assert time.perf_counter() < begin + PATIENCE
            taken.append(time.perf_counter() - begin)
            asyncio.run(_unblock(host))
    return sorted(taken)


def _dropped(blocked: Map, target: Target) -> bool:
    value = blocked.lookup(schema.key(target))
    return value is not None and schema.Entry.unpack(value).packets > 0


async def _unblock(host: Host) -> None:
    client = Client(host.socket)
    await client.ask(Unblock([ATTACKER4]))
    await client.close()
