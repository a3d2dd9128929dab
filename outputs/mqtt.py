"""MQTT: each alert as a message on a topic. With `qos` 1 or 2 the broker acknowledges it; with 0 nobody does.

An alert that the broker says it will never take becomes a dead letter. A broker that speaks MQTT 3 alone cannot say so:
it hangs up, as one that ends does, and the alert is sent again while those behind it wait; or it acknowledges the alert
and throws it away. Mosquitto hangs up over its message_size_limit with `qos` 2 too: set its max_packet_size instead.
"""

import queue
import ssl
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated, Any, Literal, cast
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
    PermanentError,
    RetryableError,
    Secret,
    Text,
)
from sidekick.sdk.address import checked_host
from sidekick.sdk.blocking import BlockingOutput
from sidekick.sdk.extras import optional
from sidekick.sdk.inflight import Verdict

if TYPE_CHECKING:
    from paho.mqtt.client import Client
    from paho.mqtt.enums import MQTTProtocolVersion
    from paho.mqtt.properties import Properties
    from paho.mqtt.reasoncodes import ReasonCode

_ENCRYPTED = {"ssl", "tls", "mqtts", "mqtt+ssl", "tcps", "wss"}
_WEBSOCKETS = {"ws", "wss"}
_PORTS = {"ws": 80, "wss": 443}
_OURS = {"Bad user name or password", "Not authorized", "Topic name invalid"}
_THE_ALERTS = {"Packet too large", "Payload format invalid"}
_LARGEST_PACKET = 5 + (1 << 28) - 1  # MQTT 5, 2.1.4: what a packet's length can say
_MOST_ON_THE_WAY = 0xFFFF
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
        """From the library's thread: what the broker said to our greeting, and of itself; the number of each message
        that it answered, and what it said; None when the connection has ended, and why."""
        self._largest, self._window = _LARGEST_PACKET, _MOST_ON_THE_WAY

    def open(self) -> None:
        with optional("mqtt"):
            from paho.mqtt.enums import MQTTProtocolVersion  # noqa: PLC0415

        _read_too_large()
        # By MQTT 5 a broker tells what it takes, and what it has refused; MQTT 3 acknowledges that as well.
        if not self._meet(MQTTProtocolVersion.MQTTv5):
            self.release()
            if not self._meet(MQTTProtocolVersion.MQTTv311):
                raise RetryableError("the broker closed the connection")

    def _meet(self, version: "MQTTProtocolVersion") -> bool:
        """Connects; False when the broker hangs up, as one does that does not know the version."""
        from paho.mqtt.client import Client  # noqa: PLC0415
        from paho.mqtt.enums import CallbackAPIVersion  # noqa: PLC0415

        address = _address(self.settings.broker)
        news = self._news = queue.SimpleQueue()
        client = self._client = Client(
            CallbackAPIVersion.VERSION2,
            protocol=version,
            transport="websockets" if address.scheme in _WEBSOCKETS else "tcp",
            reconnect_on_failure=False,
        )
        self._prepare(client, address)
        client.ws_set_options(address.path or "/mqtt")
        client.on_connect = lambda _client, _data, _flags, reason, properties: news.put((reason, properties))
        client.on_publish = lambda _client, _data, number, reason, _properties: news.put((number, reason))
        client.on_disconnect = lambda _client, _data, _flags, reason, _properties: news.put((None, reason))
        default = _PORTS.get(address.scheme, 8883 if address.scheme in _ENCRYPTED else 1883)
        try:
            client.connect(address.hostname or "", address.port or default, keepalive=30)
        except ssl.SSLCertVerificationError as error:
            raise MisconfiguredError(f"TLS with the broker failed: {error.verify_message}") from None
        except OSError as error:
            raise RetryableError(f"cannot connect to the broker: {error.strerror or error}") from None
        client.loop_start()
        return self._greet()

    def _prepare(self, client: "Client", address: SplitResult) -> None:
        settings = self.settings
        client.connect_timeout = self.patience
        password = unquote(address.password or "") or settings.password.get_secret_value()
        if user := unquote(address.username or "") or settings.user:
            client.username_pw_set(user, password or None)
        if address.scheme in _ENCRYPTED:
            client.tls_set_context(self.context.tls.context(verify=settings.checkcert, mutual=settings.mutualtls))

    def _greet(self) -> bool:
        try:
            reason, properties = self._news.get(timeout=self.patience)
        except queue.Empty:
            raise RetryableError("the broker does not answer") from None
        if reason is None or str(reason) == "Unsupported protocol version":
            return False
        if reason.is_failure:
            raise _refusal("the broker refused the connection", reason)
        self._note(properties)
        return True

    def _note(self, properties: "Properties") -> None:
        """What the broker takes, as far as it says so."""
        settings = self.settings
        self._largest = getattr(properties, "MaximumPacketSize", _LARGEST_PACKET)
        self._window = getattr(properties, "ReceiveMaximum", _MOST_ON_THE_WAY)
        if settings.qos > (most := getattr(properties, "MaximumQoS", 2)):
            raise MisconfiguredError(f"the broker takes no qos above {most}")
        if settings.retained and not getattr(properties, "RetainAvailable", True):
            raise MisconfiguredError("the broker keeps no last alert: retained cannot be true")

    def deliver(self, events: Sequence[Event]) -> dict[int, Verdict]:
        end, ended = time.monotonic() + self.patience, ""
        waiting: dict[int, int] = {}
        errors: dict[int, Verdict] = {}
        for index, event in enumerate(events):
            if self._size(event) > self._largest:
                errors[index] = PermanentError(f"the broker takes no packet of more than {self._largest} bytes")
                continue
            while len(waiting) >= self._window and not ended:
                ended = self._hear(waiting, errors, end)
            waiting[self._publish(event)] = index
        while waiting and not ended:
            ended = self._hear(waiting, errors, end)
        return errors | {index: RetryableError(ended) for index in waiting.values()}

    def _size(self, event: Event) -> int:
        """Of the packet that carries it (MQTT 5, 3.3)."""
        number = 2 if self.settings.qos else 0
        rest = 2 + len(self.settings.topic.encode()) + number + 1 + len(event.json)
        return 1 + -(-rest.bit_length() // 7) + rest  # the length has seven bits a byte

    def _publish(self, event: Event) -> int:
        settings, client = self.settings, self._client
        assert client is not None
        try:
            return client.publish(settings.topic, event.json, settings.qos, settings.retained).mid
        except ValueError:
            raise MisconfiguredError(f"{settings.topic!r} is no topic to publish on") from None

    def _hear(self, waiting: dict[int, int], errors: dict[int, Verdict], end: float) -> str:
        """Books the next answer; returns why there will be no other, if so."""
        try:
            number, reason = self._news.get(timeout=max(0.0, end - time.monotonic()))
        except queue.Empty:
            return "no acknowledgement in time"
        if number is None:
            return "the connection ended before the acknowledgement"
        index = waiting.pop(number, None)
        if index is not None and reason.is_failure:
            errors[index] = _refusal("the broker refused the alert", reason)
        return ""

    def release(self) -> None:
        client, self._client = self._client, None
        if client is None:
            return
        client.disconnect()
        end = time.monotonic() + _PARTING
        with suppress(queue.Empty):
            while client.is_connected() and self._news.get(timeout=max(0.0, end - time.monotonic()))[0] is not None:
                pass
        if (socket := client.socket()) is not None:
            socket.close()  # else the library's thread would go on for as long as it cannot write
        client.loop_stop()


def _read_too_large() -> None:
    """Mosquitto says so of its message_size_limit in a PUBACK, where the library would not read it, for the standard
    does not have it there."""
    from paho.mqtt.packettypes import PacketTypes  # noqa: PLC0415
    from paho.mqtt.reasoncodes import ReasonCode  # noqa: PLC0415

    where = cast("Any", ReasonCode).names[149]["Packet too large"]
    if PacketTypes.PUBACK not in where:
        where.append(PacketTypes.PUBACK)


def _refusal(what: str, reason: "ReasonCode") -> Verdict:
    kind = (
        MisconfiguredError if str(reason) in _OURS else PermanentError if str(reason) in _THE_ALERTS else RetryableError
    )
    return kind(f"{what}: {reason}")
