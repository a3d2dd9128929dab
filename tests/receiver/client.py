"""A sender that says exactly the bytes it is told to, and reads the answers."""

import asyncio
import re
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NamedTuple

ALERT = b'{"output":"o","priority":"Debug","rule":"r","time":"2026-11-24T11:37:39.5Z","output_fields":{"a":1}}'
WAIT = 20.0


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes


def post(body: bytes = ALERT, path: str = "/", *fields: str) -> bytes:
    return request("POST", path, f"Content-Length: {len(body)}", *fields) + body


def request(method: str, path: str, *fields: str, version: str = "1.1") -> bytes:
    return "\r\n".join([f"{method} {path} HTTP/{version}", "Host: sidekick", *fields, "", ""]).encode()


def chunked(*chunks: bytes, path: str = "/", trailers: bytes = b"") -> bytes:
    parts = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks)
    return request("POST", path, "Transfer-Encoding: chunked") + parts + b"0\r\n" + trailers + b"\r\n"


class Client:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    def finish(self) -> None:
        """Closes our half of the connection."""
        self.writer.write_eof()

    async def answer(self, *, to_head: bool = False) -> Answer:
        async with asyncio.timeout(WAIT):
            head = await self.reader.readuntil(b"\r\n\r\n")
            answer = parse_head(head)
            length = 0 if to_head or answer.status == 100 else int(answer.headers["content-length"])
            return answer._replace(body=await self.reader.readexactly(length))

    async def statuses(self, count: int) -> list[int]:
        return [(await self.answer()).status for _ in range(count)]

    async def rest(self) -> bytes:
        """What comes until the receiver closes."""
        async with asyncio.timeout(WAIT):
            return await self.reader.read()

    async def closed(self) -> bool:
        """Waits until the receiver has closed, whatever it says before."""
        async with asyncio.timeout(WAIT):
            try:
                while await self.reader.read(1 << 16):
                    pass
            except ConnectionResetError:
                pass
            return True


def parse_head(head: bytes) -> Answer:
    line, *fields = head.decode("latin-1").rstrip("\r\n").split("\r\n")
    pairs = (field.split(": ", 1) for field in fields)
    return Answer(int(line.split(" ")[1]), {name.lower(): value for name, value in pairs}, b"")


def statuses(answers: bytes) -> list[int]:
    """Statuses in a row of answers, none of whose bodies holds a status line."""
    return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d+)", answers)]


@asynccontextmanager
async def connected(address: tuple[str, int], tls: ssl.SSLContext | None = None) -> AsyncIterator[Client]:
    async with asyncio.timeout(WAIT):
        reader, writer = await asyncio.open_connection(*address, ssl=tls, server_hostname="localhost" if tls else None)
    try:
        yield Client(reader, writer)
    finally:
        writer.close()
        try:
            async with asyncio.timeout(WAIT):
                await writer.wait_closed()
        except (OSError, ssl.SSLError):
            pass  # the receiver was first


async def exchange(address: tuple[str, int], data: bytes) -> bytes:
    """All that the receiver answers to these bytes, the last of the connection."""
    async with connected(address) as client:
        client.send(data)
        client.finish()
        return await client.rest()
