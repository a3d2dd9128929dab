"""MQTT: each alert as a message on a topic. With `qos` 1 or 2 the broker acknowledges it; with 0 nobody does."""

import queue
import ssl
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated, Any, Literal
from urllib.parse import SplitResult, unquote, urlsplit

from pydantic import AfterValidator

from sidekick.sdk import (
    NO_SECRET,
    BatchLimits,
    Context,
    Event,
    Flag,
    MisconfiguredError,
    OutputSettings,
    RetryableError,
    Secret,
    Text,
)
from sidekick.sdk.address import checked_host
from sidekick.sdk.blocking import BlockingOutput
from sidekick.sdk.extras import optional

if TYPE_CHECKING:
    from paho.mqtt.client import Client

_ENCRYPTED = {"ssl", "tls", "mqtts", "mqtt+ssl", "tcps", "wss"}
_WEBSOCKETS = {"ws", "wss"}
_PORTS = {"ws": 80, "wss": 443}
_REFUSED_LOGIN = {"Bad user name or password", "Not authorized"}
_PARTING = 1.0  # seconds that a goodbye may take


def _address(broker: str) -> SplitResult:
    """The parts of the address; or ValueError, which tells nothing of it, for a login may be in it."""
    try:
        address = urlsplit(broker if "://" in broker else f"tcp://{broker}")
        if checked_host(address.hostname or "") and address.port != 0:
            return address
    except ValueError:
        pass
    raise ValueError("it is no address of a broker, such as tcp://mosquitto:1883")


def _checked(broker: str) -> str:
    if broker:
        _address(broker)
    return broker


class MqttSettings(OutputSettings):
    """Keys of `mqtt`."""

    broker: Annotated[Text, AfterValidator(_checked)] = ""
    """Broker, such as tcp://mosquitto:1883, ssl://mosquitto:8883 or wss://mosquitto/mqtt; a login may stand before the
    host (user:password@)."""
    topic: Text = "falco/events"
    """Topic."""
    qos: Literal[0, 1, 2] = 0
    """0: alerts on the way when a connection breaks or a broker ends are lost without a word. 1: the broker has
    acknowledged each alert. 2: the same, and it passes none on twice that was sent in one try."""
    retained: Flag = False
    """Let the broker keep the last alert for who subscribes later."""
    user: Text = ""
    """User."""
    password: Secret = NO_SECRET
    """Password of `user`."""
    checkcert: Flag = True
    """Verify the broker's certificate; false accepts anybody's."""
    mutualtls: Flag = False
    """Present the client certificate of `mutualtlsclient`."""


class Mqtt(BlockingOutput[MqttSettings]):
    Settings = MqttSettings
    title = "MQTT"
    category = "queue"
    website = "https://mqtt.org"
    arrives = "A message on the topic: the alert's JSON."
    requires = ("broker",)
    example = {"broker": "tcp://mosquitto:1883", "qos": 1}
    limits = BatchLimits(count=100, bytes=8 << 20)
    extra = "mqtt"

    def __init__(self, settings: MqttSettings, context: Context) -> None:
        super().__init__(settings, context)
        self._client: Client | None = None
        self._news: queue.SimpleQueue[Any] = queue.SimpleQueue()
        """From the library's thread: what the broker said to our greeting, the number of each message that is
        delivered, None when the connection has ended."""

    def open(self) -> None:
        with optional("mqtt"):
            from paho.mqtt.client import Client  # noqa: PLC0415
            from paho.mqtt.enums import CallbackAPIVersion  # noqa: PLC0415

        address = _address(self.settings.broker)
        news = self._news = queue.SimpleQueue()
        client = self._client = Client(
            CallbackAPIVersion.VERSION2,
            transport="websockets" if address.scheme in _WEBSOCKETS else "tcp",
            reconnect_on_failure=False,
        )
        self._prepare(client, address)
        client.ws_set_options(address.path or "/mqtt")
        client.on_connect = lambda _client, _data, _flags, reason, _properties: news.put(reason)
        client.on_publish = lambda _client, _data, number, _reason, _properties: news.put(number)
        client.on_disconnect = lambda _client, _data, _flags, _reason, _properties: news.put(None)
        default = _PORTS.get(address.scheme, 8883 if address.scheme in _ENCRYPTED else 1883)
        try:
            client.connect(address.hostname or "", address.port or default, keepalive=30)
        except ssl.SSLCertVerificationError as error:
            raise MisconfiguredError(f"TLS with the broker failed: {error.verify_message}") from None
        except OSError as error:
            raise RetryableError(f"cannot connect to the broker: {error.strerror or error}") from None
        client.loop_start()
        self._greet()

    def _prepare(self, client: "Client", address: SplitResult) -> None:
        settings = self.settings
        client.connect_timeout = self.patience
        password = unquote(address.password or "") or settings.password.get_secret_value()
        if user := unquote(address.username or "") or settings.user:
            client.username_pw_set(user, password or None)
        if address.scheme in _ENCRYPTED:
            client.tls_set_context(self.context.tls.context(verify=settings.checkcert, mutual=settings.mutualtls))

    def _greet(self) -> None:
        try:
            reason = self._news.get(timeout=self.patience)
        except queue.Empty:
            raise RetryableError("the broker does not answer") from None
        if reason is None:
            raise RetryableError("the broker closed the connection")
        if reason.is_failure:
            wrong = str(reason) in _REFUSED_LOGIN
            raise (MisconfiguredError if wrong else RetryableError)(f"the broker refused the connection: {reason}")

    def deliver(self, events: Sequence[Event]) -> dict[int, RetryableError]:
        settings, client = self.settings, self._client
        assert client is not None
        try:
            sent = [client.publish(settings.topic, event.json, settings.qos, settings.retained) for event in events]
        except ValueError:
            raise MisconfiguredError(f"{settings.topic!r} is no topic to publish on") from None
        waiting = {message.mid: index for index, message in enumerate(sent)}
        end, reason = time.monotonic() + self.patience, "no acknowledgement in time"
        with suppress(queue.Empty):
            while waiting:
                number = self._news.get(timeout=max(0.0, end - time.monotonic()))
                if number is None:
                    reason = "the connection ended before the acknowledgement"
                    break
                waiting.pop(number, None)
        return {index: RetryableError(reason) for index in waiting.values()}

    def release(self) -> None:
        client, self._client = self._client, None
        if client is None:
            return
        client.disconnect()
        end = time.monotonic() + _PARTING
        with suppress(queue.Empty):
            while client.is_connected() and self._news.get(timeout=max(0.0, end - time.monotonic())) is not None:
                pass
        if (socket := client.socket()) is not None:
            socket.close()  # else the library's thread would go on for as long as it cannot write
        client.loop_stop()
