"""The one HTTP client: a request out, an answer back, and what an answer's status means for a delivery."""

import email.utils
import io
import os
import ssl
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sidekick.sdk.errors import MisconfiguredError, PermanentError, RetryableError

if TYPE_CHECKING:
    import aiohttp

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


@dataclass(frozen=True)
class Answer:
    """An HTTP answer; header names are lower case. `body` is cut at 16 MiB."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    body: bytes = b""


class HttpClient:
    """A connection pool towards one destination."""

    def __init__(self, tls: ssl.SSLContext, connections: int, timeout: float) -> None:
        import aiohttp  # noqa: PLC0415  (400 ms and 28 MB that `sidekick check` need not pay)

        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=tls, limit=connections, keepalive_timeout=90),
            timeout=aiohttp.ClientTimeout(total=timeout),
            headers={"User-Agent": USER_AGENT},
            trust_env=True,
            cookie_jar=aiohttp.DummyCookieJar(),
        )

    async def send(self, request: Request) -> Answer:
        """The destination's answer, whatever its status; raises `RetryableError` when there is none."""
        from yarl import URL  # noqa: PLC0415  (the client's own, loaded with it)

        with _transport_errors():
            # In pieces, or a body of megabytes would be handed to the socket in one go, with everything else waiting.
            body = io.BytesIO(request.body) if len(request.body) > _PIECE else request.body or None
            url = URL(request.url, encoded=True) if request.exact else request.url
            async with self._session.request(
                request.method, url, data=body, headers=_each_once(request.headers), allow_redirects=False
            ) as response:
                headers = {name.lower(): value for name, value in response.headers.items()}
                return Answer(response.status, headers, await _read(response))

    @property
    def session(self) -> "aiohttp.ClientSession":
        """Lent to a vendor's login library, so that it goes the same way: TLS, proxy, connections."""
        return self._session

    async def close(self) -> None:
        await self._session.close()


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
    except ValueError:
        raise MisconfiguredError("a header holds what HTTP forbids there, such as a line end") from None
    except (aiohttp.ClientConnectorCertificateError, aiohttp.ClientConnectorSSLError) as error:
        raise MisconfiguredError(f"TLS with {error.host}:{error.port} failed: {_reason(error)}") from None
    except aiohttp.ClientConnectorError as error:
        raise RetryableError(f"cannot connect to {error.host}:{error.port}: {_reason(error)}") from None
    except TimeoutError:
        raise RetryableError("no answer in time") from None
    except (aiohttp.ClientError, OSError) as error:
        raise RetryableError(f"the connection failed: {type(error).__name__}") from None


def _reason(error: "aiohttp.ClientConnectorError") -> str:
    cause = getattr(error, "certificate_error", None) or error.os_error
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
    except ValueError:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (moment - (now or datetime.now(UTC))).total_seconds())
