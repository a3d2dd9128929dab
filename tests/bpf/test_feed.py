"""Feeds: what they list is blocked, what they drop is let go, and rubbish in them is counted."""

import asyncio
import os
import subprocess
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bpf.feed import Feed, FeedError, parse
from bpf.target import MalformedError, Target
from tests.bpf.host import Host
from tests.deadline import wait_for
from tests.services.redis import Redis

LISTED = """\
# a comment
8.8.4.4
8.8.8.0/24 ; SBL1
8.8.4.5:22
[2a00:1450::1]:0
8.8.4.6, and more
nonsense
10.0.0.1

300.1.1.1
"""


def test_lines() -> None:
    good, bad = parse(LISTED.splitlines())
    texts = {"8.8.4.4", "8.8.8.0/24", "8.8.4.5:22", "2a00:1450::1", "8.8.4.6", "10.0.0.1"}
    assert good == {Target.parse(text) for text in texts}
    assert bad == ["nonsense", "300.1.1.1"]


@given(st.lists(st.text(max_size=60)))
def test_any_lines_are_targets_or_bad(lines: list[str]) -> None:
    good, bad = parse(lines)
    assert len(good) + len(bad) <= len(lines)


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("/etc/list", "feed:/etc/list"),
        ("https://user:secret@example.com:8443/list?token=secret", "feed:https://example.com/list"),
        ("redis://:secret@localhost/0?key=k", "feed:redis://localhost/0"),
    ],
)
def test_the_name_has_no_secret(source: str, shown: str) -> None:
    assert Feed(source, 1).origin == shown


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(None, tmp_path / "none", tmp_path)


def held(host: Host) -> set[str]:
    return {row["target"] for row in host.json("list")}


def follow(host: Host, source: str, publish: Callable[[str], None], silence: Callable[[], None]) -> None:
    """The life of a feed, whatever carries it."""
    publish(LISTED)
    with host.serving("--dry-run", "--feed", source, "--refresh", "0.2s"):
        listed = {"8.8.4.4", "8.8.8.0/24", "8.8.4.5:22", "2a00:1450::1", "8.8.4.6"}
        wait_for(lambda: held(host) == listed, what="the feed's targets")
        stats = host.json("stats")
        assert (stats["feeds"][0]["bad"], stats["feeds"][0]["samples"]) == (2, ["nonsense", "300.1.1.1"])
        assert stats["refused"]["not_global"] > 0
        assert stats["blocked"] == {stats["feeds"][0]["origin"]: 5}
        # A block of somebody else's stays when the feed drops it.
        host.run("block", "8.8.4.9", "8.8.4.4")
        publish("8.8.4.6\n8.8.4.7\n8.8.4.9\n")
        wait_for(lambda: held(host) == {"8.8.4.6", "8.8.4.7", "8.8.4.9"}, what="what the feed says now")
        silence()
        wait_for(lambda: host.json("stats")["feeds"][0]["error"], what="an error")
        assert held(host) == {"8.8.4.6", "8.8.4.7", "8.8.4.9"}


def test_a_file(host: Host, tmp_path: Path) -> None:
    path = tmp_path / "list"

    def publish(text: str) -> None:
        path.write_text(text)

    follow(host, str(path), publish, path.unlink)


class Page(BaseHTTPRequestHandler):
    """A list on the web, and the status it comes with."""

    text = ""
    status = 200

    def do_GET(self) -> None:
        self.send_response(Page.status)
        self.end_headers()
        self.wfile.write(Page.text.encode())

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""


def test_a_url(host: Host) -> None:
    def publish(text: str) -> None:
        Page.text, Page.status = text, 200

    def silence() -> None:
        Page.status = 503

    with HTTPServer(("127.0.0.1", 0), Page) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            follow(host, f"http://127.0.0.1:{server.server_port}/list", publish, silence)
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.service
def test_a_redis_list(host: Host, tmp_path: Path) -> None:
    with Redis(tmp_path / "redis") as server:

        def publish(text: str) -> None:
            cli = ["redis-cli", "-p", str(server.port)]
            # One transaction, as a publisher should: no reader sees half a list.
            entries = " ".join(f"'{line}'" for line in text.splitlines())
            commands = f"MULTI\nDEL xdp_drop_ip_port\nRPUSH xdp_drop_ip_port {entries}\nEXEC\n"
            subprocess.run(cli, input=commands, text=True, check=True, capture_output=True, timeout=20)

        follow(host, server.url, publish, server.stop)


@pytest.mark.parametrize("source", ["/nonexistent", "http://127.0.0.1:1/", "http://", "redis://127.0.0.1:1", "ftp://x"])
async def test_a_feed_that_cannot_be_read(source: str) -> None:
    feed = Feed(source, 1)
    with pytest.raises(FeedError):
        await feed.refresh()
    assert feed.error


SECRET = "token-of-a-feed"


@pytest.mark.parametrize(
    "answer",
    [
        b"rubbish\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n",
        b"HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd?%s\r\n\r\n" % SECRET.encode(),
        b"HTTP/1.1 302 Found\r\nLocation: http://[::1/?%s\r\n\r\n" % SECRET.encode(),
        b"HTTP/1.1 302 Found\r\nLocation: ?%s\r\nConnection: close\r\n\r\n" % SECRET.encode(),
        b"HTTP/1.1 503 \x1b[31mred\r\n\r\n",
    ],
    ids=["rubbish", "bad chunk", "to a file", "to no URL", "for ever", "escapes"],
)
async def test_what_is_told_of_an_answer_is_one_line_without_a_secret(answer: bytes) -> None:
    async def say(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(say, "127.0.0.1", 0) as server:
        address = "{}:{}".format(*server.sockets[0].getsockname())
        feed = Feed(f"http://mara:{SECRET}@{address}/list?{SECRET}", 1)
        with pytest.raises(FeedError):
            await feed.refresh()
    assert feed.error.isprintable()
    assert feed.error
    assert SECRET not in feed.error


@pytest.mark.parametrize(
    "source",
    ["http://[::1/list", f"redis://:{SECRET}/x@host/0", f"http://mara:{SECRET}/x@host/list", "http://host:99999/"],
)
def test_an_address_that_is_none_is_an_error_at_the_start_and_not_told(source: str, host: Host) -> None:
    with pytest.raises(MalformedError):
        Feed(source, 1)
    assert SECRET not in host.run("serve", "--dry-run", "--feed", source, code=4)


async def test_a_file_that_says_of_itself_to_be_empty_is_not_read_for_ever(tmp_path: Path) -> None:
    path = tmp_path / "list"
    os.mkfifo(path)
    writer = await asyncio.create_subprocess_exec("sh", "-c", 'exec yes 8.8.4.4 > "$0"', str(path))
    with pytest.raises(FeedError, match="larger than 64 MiB"):
        await Feed(str(path), 1).refresh()
    await writer.wait()
