"""Block lists kept by others: a file, a URL, or a Redis list, read again and again."""

import asyncio
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from bpf.target import MalformedError, Target

REDIS_KEY = "xdp_drop_ip_port"
LARGEST = 64 << 20  # bytes
TIMEOUT = 30.0
SAMPLES = 5


class FeedError(RuntimeError):
    """The feed could not be read; what it said last still holds. The message is one line, whatever a server sent."""

    def __init__(self, message: str) -> None:
        super().__init__("".join(char if char.isprintable() else " " for char in message))


@dataclass
class Feed:
    """`source` is a path, an http(s) URL or `redis://HOST:PORT/DB?key=NAME`; the rest is the last reading's result."""

    source: str
    interval: float
    bad: int = 0
    samples: list[str] = field(default_factory=list[str])
    targets: frozenset[Target] = frozenset()
    read_at: float = 0.0
    error: str = ""

    def __post_init__(self) -> None:
        """Raises `MalformedError`, which does not tell the address: it may hold a password."""
        try:
            _ = urlsplit(self.source).port
        except ValueError:
            raise MalformedError("a feed's address is no URL; in a password, / is written %2F and so on") from None

    @property
    def origin(self) -> str:
        """The source without credentials or query: it is shown and recorded."""
        parts = urlsplit(self.source)
        if not parts.scheme:
            return f"feed:{self.source}"
        return f"feed:{parts.scheme}://{parts.hostname or ''}{parts.path}"

    async def refresh(self) -> None:
        """Reads the feed. Raises `FeedError`, and then nothing that it listed before changes."""
        try:
            lines = await _lines(self.source)
        except FeedError as error:
            self.error = str(error)
            raise
        # In a thread: a long list must not hold up the alert that comes meanwhile.
        good, bad = await asyncio.to_thread(parse, lines)
        self.targets, self.bad, self.samples = frozenset(good), len(bad), [line[:80] for line in bad[:SAMPLES]]
        self.read_at, self.error = time.time(), ""


def parse(lines: Iterable[str]) -> tuple[set[Target], list[str]]:
    """Targets, and the lines that are none. `#` and `;` begin a comment; what follows a blank or comma is ignored."""
    good: set[Target] = set()
    bad: list[str] = []
    for line in lines:
        words = line.split("#")[0].split(";")[0].replace(",", " ").split()
        if not words:
            continue
        try:
            good.add(Target.parse(words[0]))
        except MalformedError:
            bad.append(line.strip())
    return good, bad


async def _lines(source: str) -> list[str]:
    scheme = urlsplit(source).scheme
    if scheme in ("http", "https"):
        return (await _fetch(source)).splitlines()
    if scheme in ("redis", "rediss"):
        return await _redis(source)
    return (await asyncio.to_thread(_file, Path(source))).splitlines()


def _file(path: Path) -> str:
    try:
        with path.open("rb") as file:
            text = file.read(LARGEST + 1)  # its size may say nothing: that of a device or a pipe is 0
    except OSError as error:
        raise FeedError(f"{path}: {error.strerror}") from error
    if len(text) > LARGEST:
        raise FeedError(f"{path} is larger than {LARGEST >> 20} MiB")
    return text.decode(errors="replace")


async def _fetch(url: str) -> str:
    # Imported here for the commands' sake, which never fetch: it takes longer than all the rest of one.
    import aiohttp  # noqa: PLC0415

    try:
        timeout = aiohttp.ClientTimeout(total=TIMEOUT)
        async with aiohttp.ClientSession(timeout=timeout) as session, session.get(url) as answer:
            if answer.status != 200:
                raise FeedError(f"{answer.status} {answer.reason}")
            body = bytearray()
            async for chunk in answer.content.iter_chunked(1 << 16):
                body += chunk
                if len(body) > LARGEST:
                    raise FeedError(f"larger than {LARGEST >> 20} MiB")
            return body.decode(errors="replace")
    # What aiohttp says of these holds the address, and that may hold a token.
    except (aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError):
        raise FeedError("its address, or the one that it leads to, is no http(s) URL") from None
    except aiohttp.ClientResponseError as error:
        raise FeedError(f"no answer that can be read: {error.message or 'led on too often'}") from None
    except (aiohttp.ClientError, TimeoutError, ValueError) as error:
        raise FeedError(str(error) or "timed out") from error


async def _redis(url: str) -> list[str]:
    try:
        from redis import asyncio as client  # noqa: PLC0415
        from redis.exceptions import RedisError  # noqa: PLC0415
    except ImportError:
        raise FeedError("a Redis feed needs `pip install sidekick[redis]`") from None
    parts = urlsplit(url)
    key = parse_qs(parts.query).get("key", [REDIS_KEY])[0]
    try:
        connection = client.Redis.from_url(
            parts._replace(query="").geturl(),
            socket_timeout=TIMEOUT,
            decode_responses=True,
            encoding_errors="replace",
        )
        try:
            entries = await connection.lrange(key, 0, -1)
        finally:
            await connection.aclose()
    except (RedisError, OSError, ValueError) as error:
        raise FeedError(str(error)) from error
    return [str(entry) for entry in entries]
