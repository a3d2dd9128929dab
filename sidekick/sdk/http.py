"""The one HTTP client: a request out, an answer back, and what an answer's status means for a delivery."""

import email.utils
import io
import os
import socket
import ssl
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sidekick.event import encode_json
from sidekick.sdk.errors import MisconfiguredError, PermanentError, RetryableError
from sidekick.sdk.proxy import proxy_of

if TYPE_CHECKING:
    import aiohttp
    from yarl import URL

USER_AGENT = "Falcosidekick"
JSON = "application/json; charset=utf-8"
_ANSWER_LIMIT = 16 << 20
_PIECE = 1 << 20
_SHOWN = 500


@dataclass(frozen=True)
class Request:
    """An HTTP request. `url` may hold a secret, so it is never part of a message."""

    url: str = field(repr=False)
    body: bytes = field(default=b"", repr=False)
    headers: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    method: str = "POST"
    exact: bool = False
    """The URL is percent-encoded and signed as it is, so not one escape in it may be written otherwise."""

    @classmethod
    def json(cls, url: str, document: object, headers: Mapping[str, str] | None = None) -> "Request":
        """A document, on a line as falcosidekick ends it; `headers` may name another media type."""
        return cls(url, encode_json(document) + b"\n", {"Content-Type": JSON, **(headers or {})})


@dataclass(frozen=True)
class Answer:
    """An HTTP answer; header names are lower case."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    body: bytes = b""


class HttpClient:
    """A connection pool towards one destination.

    `tls` gives the context of https; where it raises, plain http works all the same.
    """

    def __init__(self, tls: Callable[[], ssl.SSLContext], connections: int, timeout: float) -> None:
        import aiohttp  # noqa: PLC0415  (400 ms and 28 MB that `sidekick check` need not pay)

        context, self._no_tls = _context(tls)
        self._connector = aiohttp.TCPConnector(ssl=context, limit=connections, keepalive_timeout=90)
        self._timeout = timeout
        # The library's own way to the proxy costs two threads and a look at ~/.netrc a request.
        self._session = self._opened(trust_env=False)
        self.session = self._opened(trust_env=True)
        """Lent to a vendor's login library, so that it goes the same way: TLS, proxy, connections."""
        self._proxies: dict[tuple[str, str], str | None] = {}

    def _opened(self, *, trust_env: bool) -> "aiohttp.ClientSession":
        import aiohttp  # noqa: PLC0415

        return aiohttp.ClientSession(
            connector=self._connector,
            connector_owner=False,
            timeout=aiohttp.ClientTimeout(total=self._timeout),
            headers={"User-Agent": USER_AGENT},
            trust_env=trust_env,
            cookie_jar=aiohttp.DummyCookieJar(),
        )

    async def send(self, request: Request) -> Answer:
        """The destination's answer, whatever its status; raises `RetryableError` when there is none, or none of at
        most 16 MiB."""
        url = _url(request)
        if self._no_tls and url.scheme == "https":
            raise MisconfiguredError(self._no_tls)
        with _transport_errors():
            # In pieces, or a body of megabytes would be handed to the socket in one go, with everything else waiting.
            body = io.BytesIO(request.body) if len(request.body) > _PIECE else request.body or None
            async with self._session.request(
                request.method,
                url,
                data=body,
                headers=_each_once(request.headers),
                allow_redirects=False,
                proxy=self._proxy(url),
            ) as response:
                headers = {name.lower(): value for name, value in response.headers.items()}
                return Answer(response.status, headers, await _read(response))

    def _proxy(self, url: "URL") -> str | None:
        """Looked up once a host, for the environment of a process does not change."""
        place = url.scheme, url.host or ""
        if place not in self._proxies:
            self._proxies[place] = proxy_of(*place)
        return self._proxies[place]

    async def close(self) -> None:
        await self._session.close()
        await self.session.close()
        await self._connector.close()
        # What the library keeps of a failed try holds this until the garbage collector comes by, and a context is most
        # of a megabyte: one a try, for as long as the destination is away.
        vars(self._connector)["_ssl"] = True


def _context(tls: Callable[[], ssl.SSLContext]) -> tuple[ssl.SSLContext | bool, str]:
    """The context and no reason, or the library's own and why there is no other."""
    try:
        return tls(), ""
    except MisconfiguredError as error:
        return True, str(error)


def _url(request: Request) -> "URL":
    from yarl import URL  # noqa: PLC0415  (the client's own, loaded with it)

    try:
        url = URL(request.url, encoded=request.exact)
    except ValueError:
        raise MisconfiguredError("the address is no valid URL") from None
    # A login in the address beside a header of its own, which the client takes for a mistake: the header counts.
    return url.with_user(None) if url.user and "authorization" in map(str.lower, request.headers) else url


def _each_once(headers: Mapping[str, str]) -> Mapping[str, str]:
    """Of names that differ in case alone the last counts: a user's header stands in place of ours."""
    names = {name.lower(): name for name in headers}
    return {name: headers[name] for name in names.values()}


async def _read(response: "aiohttp.ClientResponse") -> bytes:
    chunks: list[bytes] = []
    size = 0
    async for chunk in response.content.iter_any():
        chunks.append(chunk)
        size += len(chunk)
        if size > _ANSWER_LIMIT:
            raise RetryableError("the answer is longer than 16 MiB")
    return b"".join(chunks)


@contextmanager
def _transport_errors() -> Generator[None]:
    """Turns the client's exceptions into ours, without the URL that their texts carry."""
    import aiohttp  # noqa: PLC0415

    try:
        yield
    except aiohttp.InvalidURL:
        raise MisconfiguredError("the address is no valid URL") from None
    except aiohttp.NonHttpUrlClientError:
        raise MisconfiguredError("the address begins with neither http:// nor https://") from None
    except (aiohttp.ClientConnectorCertificateError, aiohttp.ClientConnectorSSLError) as error:
        raise MisconfiguredError(f"TLS with {error.host}:{error.port} failed: {_reason(error)}") from None
    except aiohttp.ClientConnectorError as error:
        raise RetryableError(f"cannot connect to {error.host}:{error.port}: {_reason(error)}") from None
    except aiohttp.ClientHttpProxyError as error:
        wrong = error.status < 500
        raise (MisconfiguredError if wrong else RetryableError)(f"the proxy refused: HTTP {error.status}") from None
    except TimeoutError:
        raise RetryableError("no answer in time") from None
    except (aiohttp.ClientError, OSError) as error:
        raise RetryableError(f"the connection failed: {type(error).__name__}") from None
    except UnicodeError:  # of a name that no resolver looks up
        raise MisconfiguredError("the address is no valid URL") from None
    except ValueError:  # after the client's own errors: that of a certificate is one of these too
        raise MisconfiguredError("a header holds what HTTP forbids there, such as a line end") from None


def _reason(error: "aiohttp.ClientConnectorError") -> str:
    cause = getattr(error, "certificate_error", None) or error.os_error
    if isinstance(cause, socket.gaierror):  # whose numbers are no errno
        return cause.strerror or "the name is not known"
    return getattr(cause, "verify_message", "") or (os.strerror(cause.errno) if cause.errno else str(cause))


def verdict(answer: Answer) -> None:
    """What a status means (RFC 9110), for a request that is one unit: returns on 2xx, else raises.

    408, 425, 429 and 5xx are temporary; 401, 403, 404, 405, 407, 410 and redirects mean that we are set up wrongly;
    what is left of 4xx is a refusal of these very bytes.
    """
    status = answer.status
    if 200 <= status < 300:
        return
    message = f"HTTP {status}: {shown(answer.body)}"
    if status in (408, 425, 429) or status >= 500:
        raise RetryableError(message, retry_after(answer.headers.get("retry-after")))
    if status < 400 or status in (401, 402, 403, 404, 405, 407, 410):
        raise MisconfiguredError(message)
    raise PermanentError(message)


def shown(body: bytes) -> str:
    """The start of an answer on one line, for a person."""
    return " ".join(body[:_SHOWN].decode("utf-8", "replace").split()) or "(no body)"


def retry_after(value: str | None, now: datetime | None = None) -> float | None:
    """Seconds to wait by a Retry-After header, given as seconds or as a date (RFC 9110 §10.2.3); None if unreadable."""
    if value is None:
        return None
    if value.strip().isdecimal():
        return float(value)
    try:
        moment = email.utils.parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (moment - (now or datetime.now(UTC))).total_seconds())
