"""A Falco as it is on the wire: one connection, one alert at a time, no retry, and the answer's status thrown away.

Each alert carries a number of its own in `output_fields`, so that what arrives can be compared with what was posted.
"""

import asyncio
import re
from collections.abc import Iterable
from contextlib import suppress

_ALERT = (
    '{"hostname":"node-1","output":"17:35:48.514700898: Warning Sensitive file opened (file=/etc/shadow number=%(n)d)",'
    '"output_fields":{"evt.time":1534527348514700898,"fd.name":"/etc/shadow","proc.cmdline":"cat /etc/shadow",'
    '"proc.pid":17497,"test.number":%(n)d,"user.name":"root"},"priority":"Warning","rule":"Read sensitive file",'
    '"source":"syscall","tags":["filesystem","mitre_credential_access"],"time":"2026-05-06T07:08:09.%(n)09dZ"}'
)
_NUMBER = re.compile(rb'"test\.number":(\d+)')
_ID = re.compile(rb'"uuid":"([0-9a-f-]{36})"')


def body(number: int) -> bytes:
    return (_ALERT % {"n": number}).encode()


def number_of(event: bytes) -> int | None:
    """The number of a delivered alert, from its JSON; None for an alert of another origin."""
    match = _NUMBER.search(event)
    return int(match[1]) if match else None


def id_of(event: bytes) -> str:
    match = _ID.search(event)
    assert match, event
    return match[1].decode()


class Falco:
    """Posts alerts to one sidekick; `accepted` holds the numbers that were answered 200."""

    def __init__(self, port: int, path: str = "/") -> None:
        self.port = port
        self.path = path
        self.accepted: set[int] = set()
        self.statuses: dict[int, int] = {}
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def post(self, number: int) -> int:
        """The answer's status, or 0 when none came: the alert is then lost, as Falco loses it."""
        try:
            status = await self.exchange(body(number))
        except (OSError, asyncio.IncompleteReadError):
            await self.close()
            status = 0
        if status == 200:
            self.accepted.add(number)
        self.statuses[status] = self.statuses.get(status, 0) + 1
        return status

    async def post_all(self, numbers: Iterable[int], per_second: float) -> None:
        """Posts at that pace, or slower where the answers are."""
        loop = asyncio.get_running_loop()
        start = loop.time()
        for done, number in enumerate(numbers):
            await asyncio.sleep(max(0.0, start + done / per_second - loop.time()))
            await self.post(number)

    async def exchange(self, alert: bytes) -> int:
        """Posts one body; the status of its answer."""
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self.port)
        reader, writer = self._streams
        writer.write(
            b"POST %b HTTP/1.1\r\nHost: sidekick:2801\r\nUser-Agent: falcosecurity/falco\r\nAccept: */*\r\n"
            b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (self.path.encode(), len(alert), alert)
        )
        head = await reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"(?i)content-length: (\d+)", head)
        await reader.readexactly(int(length[1]) if length else 0)
        if re.search(rb"(?i)connection: close", head):
            await self.close()
        return int(head.split(b" ", 2)[1])

    async def close(self) -> None:
        if self._streams is not None:
            _, writer = self._streams
            self._streams = None
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()
