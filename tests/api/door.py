"""The whole application on a port, with the real doorkeeper before it, and a client that says what it sends."""

import json
from base64 import urlsafe_b64encode
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from hashlib import scrypt
from io import BytesIO
from pathlib import Path
from time import monotonic
from typing import Any

import aiohttp
from multidict import CIMultiDict

from sidekick.control.access import AccessSettings, Doorkeeper
from tests.web.site import Site, State, site

EVERYWHERE = "0.0.0.0"
PASSWORD = "correct horse"
SALT = b"0123456789abcdef"
# The least that scrypt can cost: these tests ask for no strength.
_WEAK = scrypt(PASSWORD.encode(), salt=SALT, n=2, r=1, p=1, dklen=32)
HASH = ":".join(("scrypt:1:1:1", *(urlsafe_b64encode(part).decode().rstrip("=") for part in (SALT, _WEAK))))
ADMIN_TOKEN, READER_TOKEN = "admin-token-" + "a" * 20, "reader-token-" + "b" * 20
USERS = {"users": {"mara": {"password": HASH}, "kim": {"password": HASH, "role": "reader"}}}
TOKENS = {
    "tokens": {
        "deploy": {"token": ADMIN_TOKEN, "role": "admin"},
        "grafana": {"token": READER_TOKEN},
    }
}
SLACK = State("slack", "Slack", "chat", delivered=17)


@dataclass(frozen=True)
class Answer:
    status: int
    text: str
    headers: Mapping[str, str]

    @property
    def json(self) -> Any:
        return json.loads(self.text)

    @property
    def error(self) -> str:
        return self.json["error"]


class Client:
    """One browser or program; `headers` go with each of its requests."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session = session
        self._url = url
        self.headers: dict[str, str] = {}

    async def get(self, path: str, **headers: str) -> Answer:
        return await self.send("GET", path, **headers)

    async def post(self, path: str, body: object = None, **headers: str) -> Answer:
        return await self.send("POST", path, body, **headers)

    async def send(self, method: str, path: str, body: object = None, **headers: str) -> Answer:
        """`body` goes as JSON, bytes as they are; an underscore in a header's name stands for a dash."""
        named, url = self.headers | _named(headers), self._url + path
        content: dict[str, Any] = {"data": body} if isinstance(body, bytes | BytesIO) else {"json": body}
        if body is None:
            content = {}
        async with self._session.request(method, url, headers=named, allow_redirects=False, **content) as answer:
            return Answer(answer.status, await answer.text(), dict(answer.headers))

    async def get_with(self, headers: list[tuple[str, str]], path: str) -> Answer:
        """With headers that may be there twice."""
        async with self._session.get(self._url + path, headers=CIMultiDict(headers), allow_redirects=False) as answer:
            return Answer(answer.status, await answer.text(), dict(answer.headers))

    @asynccontextmanager
    async def stream(self, path: str) -> AsyncGenerator[tuple[str, AsyncIterator[str]]]:
        """The kind of an answer without an end, and its lines, without the empty ones."""
        async with self._session.get(self._url + path) as answer, aclosing(_lines(answer)) as lines:
            yield answer.headers["Content-Type"], lines

    async def log_in(self, name: str, password: str = PASSWORD, **headers: str) -> Answer:
        form = aiohttp.FormData({"name": name, "password": password, "to": "/outputs"})
        named = _named(headers)
        async with self._session.post(f"{self._url}/login", data=form, headers=named, allow_redirects=False) as answer:
            return Answer(answer.status, await answer.text(), dict(answer.headers))


async def _lines(answer: aiohttp.ClientResponse) -> AsyncGenerator[str]:
    async for line in answer.content:
        if text := line.decode().strip():
            yield text


def _named(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


@dataclass(frozen=True)
class Door:
    site: Site
    keeper: Doorkeeper

    @asynccontextmanager
    async def client(self, address: str = "127.0.0.1") -> AsyncGenerator[Client]:
        """One that comes from that address of loopback."""
        jar = aiohttp.CookieJar(unsafe=True)
        connector = aiohttp.TCPConnector(local_addr=(address, 0))
        async with aiohttp.ClientSession(cookie_jar=jar, connector=connector) as session:
            yield Client(session, self.site.url)


@asynccontextmanager
async def door(
    home: Path,
    *settings: dict[str, Any],
    address: str = "127.0.0.1",
    url: str = "",
    clock: Callable[[], float] = monotonic,
    blocker: bool = False,
) -> AsyncGenerator[Door]:
    """`address` is where the doorkeeper believes to stand; the port itself is on loopback."""
    wanted = AccessSettings.model_validate({name: value for part in settings for name, value in part.items()})
    keeper = Doorkeeper(wanted, home, address, url, clock)
    async with site(home, SLACK, access=keeper, blocker=blocker) as served:
        yield Door(served, keeper)
