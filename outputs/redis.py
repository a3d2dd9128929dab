"""Redis: alerts at the end of a list, or in a hash, each under its own id.

A list takes whole batches by one command, which Redis does wholly or not at all, but an answer that is lost on the way
makes a second copy; a hash has none.
"""

import socket
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from sidekick.sdk import (
    NO_SECRET,
    BatchLimits,
    Event,
    Flag,
    HttpSettings,
    MisconfiguredError,
    Output,
    RetryableError,
    Secret,
    Text,
)
from sidekick.sdk.address import HostPort, host_and_port
from sidekick.sdk.extras import optional

if TYPE_CHECKING:
    from redis.asyncio import Redis as Client


class RedisSettings(HttpSettings):
    """Keys of `redis`."""

    address: HostPort = ""
    """Server, `host:port`; the port is 6379 where none is given."""
    username: Text = ""
    """User, for servers with access lists."""
    password: Secret = NO_SECRET
    """Password."""
    database: int = Field(default=0, ge=0)
    """Number of the database."""
    storagetype: Literal["list", "hashmap"] = "list"
    """`list` appends; `hashmap` stores each alert under its id, so that one sent twice is there once."""
    key: Text = "falco"
    """Key of the list or hash."""
    version: Text = ""
    """Taken from falcosidekick's files and not used."""
    tls: Flag = False
    """Speak TLS; `mutualtls` implies it."""
    certfile: Text = ""
    """Client certificate for `mutualtls`, instead of that of `mutualtlsclient`."""
    keyfile: Text = ""
    """Key of `certfile`."""
    cacertfile: Text = ""
    """Authority that signed the server's certificate."""


class Redis(Output[RedisSettings]):
    Settings = RedisSettings
    title = "Redis"
    category = "database"
    website = "https://redis.io"
    arrives = "An entry at the end of the list, or of the hash under the alert's id: the alert's JSON."
    requires = ("address",)
    example = {"address": "redis:6379", "storagetype": "hashmap"}
    limits = BatchLimits(count=500, bytes=8 << 20)
    extra = "redis"
    _client: "Client | None" = None

    async def connect(self) -> None:
        with optional("redis"):
            from redis.asyncio import Redis as Client  # noqa: PLC0415
            from redis.asyncio.retry import Retry  # noqa: PLC0415
            from redis.backoff import NoBackoff  # noqa: PLC0415

        await self.close()
        settings = self.settings
        host, port = host_and_port(settings.address, 6379)
        self._client = Client(
            host=host,
            port=port,
            db=settings.database,
            username=settings.username or None,
            password=settings.password.get_secret_value() or None,
            socket_timeout=settings.timeout,
            socket_connect_timeout=settings.timeout,
            protocol=2,
            socket_keepalive=True,
            # A server that is there and does not read: the library would hold the connection for ever.
            socket_keepalive_options={socket.TCP_USER_TIMEOUT: max(1, int(settings.timeout * 1000))},
            # Trying again is the engine's work.
            retry=Retry(NoBackoff(), 0),
            **self._tls(),
        )
        with _errors():
            await self._client.ping()

    def _tls(self) -> dict[str, Any]:
        settings = self.settings
        if not (settings.tls or settings.mutualtls):
            return {}
        tls = self.context.tls.with_files(settings.certfile, settings.keyfile, settings.cacertfile)
        verify = settings.checkcert or settings.mutualtls
        tls.context(verify=verify, mutual=settings.mutualtls)  # says which file cannot be used; the library does not
        certificate, key, authority = tls.client_files() if settings.mutualtls else (None, None, tls.cafile or None)
        return {
            "ssl": True,
            "ssl_cert_reqs": "required" if verify else "none",
            "ssl_check_hostname": verify,
            "ssl_ca_certs": authority,
            "ssl_certfile": certificate,
            "ssl_keyfile": key,
        }

    async def send(self, events: Sequence[Event]) -> None:
        if self._client is None:
            await self.connect()
        assert self._client is not None
        with _errors():
            if self.settings.storagetype == "hashmap":
                await self._client.hset(self.settings.key, mapping={event.uuid: event.json for event in events})
            else:
                await self._client.rpush(self.settings.key, *(event.json for event in events))

    async def close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()


@contextmanager
def _errors() -> Generator[None]:
    """A command that is refused is refused for the login, the key or the server's state, never for one alert."""
    from redis import exceptions  # noqa: PLC0415

    try:
        yield
    except (exceptions.AuthenticationError, exceptions.AuthorizationError) as error:
        raise MisconfiguredError(f"Redis refused the login: {error}") from None
    except (exceptions.OutOfMemoryError, exceptions.ReadOnlyError) as error:
        raise RetryableError(f"Redis takes nothing now: {error}") from None
    except exceptions.ResponseError as error:
        raise MisconfiguredError(f"Redis refused the command: {error}") from None
    except (exceptions.RedisError, OSError) as error:
        wrong = "certificate" in str(error).lower()
        raise (MisconfiguredError if wrong else RetryableError)(f"no answer from Redis: {error}") from None
