"""RabbitMQ: each alert as a persistent message in a queue, confirmed by the broker."""

import asyncio
import re
import ssl
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from sidekick.sdk import (
    NO_SECRET,
    BatchLimits,
    Event,
    Flag,
    MisconfiguredError,
    Output,
    OutputSettings,
    PermanentError,
    RetryableError,
    Secret,
    Text,
)
from sidekick.sdk.address import checked_host
from sidekick.sdk.extras import optional
from sidekick.sdk.inflight import part, settle

if TYPE_CHECKING:
    from aio_pika.abc import AbstractChannel, AbstractConnection

# Of the error that closes a channel, as RabbitMQ 3 and 4 say it.
_LARGEST = re.compile(r"message size \d+ is larger than (?:configured )?max size (\d+)")


class RabbitmqSettings(OutputSettings):
    """Keys of `rabbitmq`."""

    url: Secret = NO_SECRET
    """Broker, such as amqp://user:password@rabbitmq:5672/vhost; amqps:// speaks TLS."""
    queue: Text = ""
    """Queue that takes the alerts. Alerts wait until it exists; make it durable, or they end with the broker."""
    checkcert: Flag = True
    """Verify the broker's certificate, with amqps; false accepts anybody's."""
    mutualtls: Flag = False
    """Present the client certificate of `mutualtlsclient`, with amqps."""


class Rabbitmq(Output[RabbitmqSettings]):
    Settings = RabbitmqSettings
    title = "RabbitMQ"
    category = "queue"
    website = "https://www.rabbitmq.com"
    arrives = "A message in the queue: the alert's JSON."
    requires = ("url", "queue")
    example = {"url": "amqp://guest:guest@rabbitmq:5672/", "queue": "falco"}
    limits = BatchLimits(count=200, bytes=8 << 20)
    extra = "amqp"
    _connection: "AbstractConnection | None" = None
    _channel: "AbstractChannel | None" = None

    async def connect(self) -> None:
        with optional("amqp", quiet="aiormq"):
            import aio_pika  # noqa: PLC0415
            from aio_pika.connection import make_url  # noqa: PLC0415

        await self.close()
        settings = self.settings
        try:
            url = make_url(settings.url.get_secret_value())
            checked_host(url.host or "")
        except ValueError:
            raise MisconfiguredError("url is no valid URL") from None
        encrypted = url.scheme == "amqps"
        tls = self.context.tls.context(verify=settings.checkcert, mutual=settings.mutualtls) if encrypted else None
        # Not the robust kind: coming back is the engine's work.
        self._connection = connection = aio_pika.Connection(url)
        self._wire = connection.kwargs["transport_factory"] = _Wire(tls)

        async def open_channel() -> None:
            await connection.connect(settings.timeout)
            self._channel = await connection.channel(publisher_confirms=True, on_return_raises=True)

        await settle([open_channel()], _verdict)

    async def send(self, events: Sequence[Event]) -> None:
        if self._channel is None or self._channel.is_closed:
            await self.connect()
        assert self._channel is not None
        await settle([self._publish(self._channel, event) for event in events], _verdict)

    async def _publish(self, channel: "AbstractChannel", event: Event) -> None:
        from aio_pika import DeliveryMode, Message  # noqa: PLC0415
        from aio_pika.exceptions import ChannelPreconditionFailed  # noqa: PLC0415

        message = Message(
            event.json, content_type="text/plain", delivery_mode=DeliveryMode.PERSISTENT, message_id=event.uuid
        )
        try:
            # Mandatory: the broker says so when there is no such queue, and drops the alert otherwise.
            await channel.default_exchange.publish(message, routing_key=self.settings.queue, mandatory=True)
        except ChannelPreconditionFailed as error:
            # All that wait for their confirmation get the same error; the limit in it tells whose it is.
            if (largest := _LARGEST.search(str(error))) and len(event.json) > int(largest[1]):
                raise PermanentError(f"RabbitMQ takes no message of more than {largest[1]} bytes") from None
            raise

    async def close(self) -> None:
        connection, self._connection, self._channel = self._connection, None, None
        if connection is not None:
            await part(connection.close(), self._wire.cut)


class _Wire:
    """The connection as the library asks for it (aiormq's TransportFactory), which can be cut beneath it."""

    def __init__(self, tls: ssl.SSLContext | None) -> None:
        self._tls = tls
        self._writer: asyncio.StreamWriter | None = None

    async def create(self, url: Any, *, ssl_context_provider: object, **options: Any) -> tuple[Any, Any]:
        reader, self._writer = await asyncio.open_connection(url.host, url.port, ssl=self._tls, **options)
        return reader, self._writer

    def cut(self) -> None:
        if self._writer is not None:
            self._writer.transport.abort()


def _verdict(error: Exception) -> RetryableError:
    """The library's error as one of ours."""
    from aio_pika import exceptions  # noqa: PLC0415
    from aiormq.exceptions import ChannelAccessRefused, ConnectionNotAllowed  # noqa: PLC0415

    if isinstance(error, exceptions.PublishError):
        return MisconfiguredError("RabbitMQ has no such queue")
    if isinstance(error, exceptions.DeliveryError):
        return RetryableError("RabbitMQ: the queue is full, or its x-max-length-bytes are too few for the alert")
    if isinstance(error, exceptions.ProbableAuthenticationError | exceptions.AuthenticationError):
        return MisconfiguredError("RabbitMQ refused the login")
    if isinstance(error, ChannelAccessRefused | ConnectionNotAllowed):
        return MisconfiguredError(f"RabbitMQ does not allow it: {error}")
    if isinstance(error, exceptions.InvalidFrameError) and "OpenOk" in str(error):
        return MisconfiguredError("RabbitMQ has no such virtual host, or not for this user")
    if not isinstance(error, exceptions.CONNECTION_EXCEPTIONS):
        raise error
    wrong = "certificate" in str(error).lower()
    return (MisconfiguredError if wrong else RetryableError)(f"RabbitMQ: {str(error) or type(error).__name__}")
