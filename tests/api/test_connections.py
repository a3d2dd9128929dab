"""Who connects to the page and says little, or connects too often, is let go."""

import asyncio
import socket
import ssl
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
import trustme

from tests.web.site import Access, Site, State, Visitor

LONG = b"GET /static/vendor/swagger-ui-5.35.0/swagger-ui-bundle.js HTTP/1.1\r\nHost: localhost\r\n\r\n"
QUESTION = b"GET /api/outputs HTTP/1.1\r\nHost: localhost\r\n\r\n"


@asynccontextmanager
async def listening(home: Path, tls: ssl.SSLContext | None = None, **limits: int) -> AsyncGenerator[int]:
    site = Site(home, None, Access(Visitor()), State("slack", "Slack", "chat"))
    async with site.serving(tls, **limits):
        yield int(site.url.rpartition(":")[2])


async def left(reader: asyncio.StreamReader) -> bytes:
    """What came before the other side left."""
    async with asyncio.timeout(20):
        try:
            return await reader.read()
        except ConnectionError:
            return b""


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"POST /lo",
        b"POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nname",
        b"POST /api/silences HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{",
    ],
    ids=["nothing", "half a line", "half a form", "half a body"],
)
async def test_a_request_that_does_not_come_is_not_waited_for(
    tmp_path: Path, said: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async with listening(tmp_path, patience=1) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(said)
        assert await left(reader) == b""
        writer.close()
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []


async def test_a_handshake_that_does_not_come_is_not_waited_for(tmp_path: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("localhost").configure_cert(context)
    async with listening(tmp_path, context, patience=1) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        assert await left(reader) == b""
        writer.close()


async def test_a_request_byte_by_byte_is_not_waited_for_either(tmp_path: Path) -> None:
    async with listening(tmp_path, patience=1) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        sent = 0
        for byte in b"GET /" + b"x" * 1000:
            if reader.at_eof() or reader.exception():
                break
            writer.write(bytes([byte]))
            sent += 1
            await asyncio.sleep(0.05)  # the pace of a slow client
        writer.close()
    assert 2 < sent < 1000


async def test_who_came_first_is_answered_however_many_come_after(tmp_path: Path) -> None:
    async with listening(tmp_path, most=3) as port:
        connected = [await asyncio.open_connection("127.0.0.1", port) for _ in range(3)]
        for reader, writer in connected:
            writer.write(QUESTION)
            assert b"200 OK" in await reader.readuntil(b"\r\n")
        late, late_writer = await asyncio.open_connection("127.0.0.1", port)
        assert await left(late) == b""
        late_writer.close()
        for _, writer in connected:
            writer.close()


@pytest.mark.parametrize(
    "endless",
    [
        b"GET /outputs HTTP/1.1\r\nCookie: ",
        b"POST /login HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nTrailer: ",
        b"GET /",
    ],
    ids=["a header", "a trailer", "an address"],
)
async def test_no_head_without_an_end_is_kept(tmp_path: Path, endless: bytes, caplog: pytest.LogCaptureFixture) -> None:
    async with listening(tmp_path) as port, asyncio.timeout(20):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(endless)
        sent = 0
        with suppress(ConnectionError):
            while not reader.at_eof() and sent < 64 << 20:
                writer.write(b"x" * 65536)
                sent += 65536
                await writer.drain()
        writer.close()
        assert sent < 64 << 20
        assert await asked(port) == b"HTTP/1.1 200 OK\r\n"
    assert caplog.records == []


async def test_who_reads_nothing_of_an_answer_is_let_go(tmp_path: Path) -> None:
    async with listening(tmp_path, most=1, patience=1) as port, asyncio.timeout(30):
        loop = asyncio.get_running_loop()
        with socket.socket() as deaf:
            deaf.setblocking(False)
            deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            await loop.sock_connect(deaf, ("127.0.0.1", port))
            await loop.sock_sendall(deaf, LONG * 20)
            assert await loop.sock_recv(deaf, 8) == b"HTTP/1.1"
            assert await asked(port) == b"", "the only place is taken"
            while await asked(port) == b"":
                pass


async def asked(port: int) -> bytes:
    """The first line of an answer; nothing where there is none."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(QUESTION)
    try:
        return await reader.readuntil(b"\r\n")
    except (ConnectionError, asyncio.IncompleteReadError):
        return b""
    finally:
        writer.close()
