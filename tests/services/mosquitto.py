"""Mosquitto, as Debian packages it: MQTT for everybody, and by TLS for who has a password."""

import os
import select
import signal
import socket
import subprocess
import uuid
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import Any

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion

from tests.deadline import wait_for
from tests.services.certificates import Certificates
from tests.services.server import Server

USER, PASSWORD = "alice", "alice-secret"
_CONFIGURATION = """\
user root
per_listener_settings true
persistence true
persistence_location {home}/
max_queued_messages 0
allow_zero_length_clientid true
listener {port} 127.0.0.1
{limit}
allow_anonymous true
listener {websockets} 127.0.0.1
protocol websockets
allow_anonymous true
listener {secure} 127.0.0.1
allow_anonymous false
password_file {home}/passwords
certfile {files.server}
keyfile {files.server_key}
"""
# MQTT 3.1.1, 3.1 and 3.2: CONNECT with a clean session and no name, and the CONNACK that accepts it.
_CONNECT = bytes.fromhex("100c00044d5154540402003c0000")
_ACCEPTED = bytes.fromhex("20020000")


class Mosquitto(Server):
    """`port` and `websockets` are for everybody, `secure` wants TLS and the login of USER. `limit` is about `port`.

    It acknowledges what it has in memory: what it holds outlives a stop, and a kill only if it was there at a `save`.
    """

    ports = 3

    def __init__(self, home: Path, limit: str = "max_inflight_messages 0") -> None:
        super().__init__(home)
        self.secure, self.websockets = self.port + 1, self.port + 2
        self.certificates = Certificates(home)
        passwords = ["mosquitto_passwd", "-b", "-c", str(home / "passwords"), USER, PASSWORD]
        subprocess.run(passwords, check=True, capture_output=True)
        ports = {"port": self.port, "secure": self.secure, "websockets": self.websockets}
        text = _CONFIGURATION.format(home=home, files=self.certificates, limit=limit, **ports)
        (home / "mosquitto.conf").write_text(text)

    @property
    def url(self) -> str:
        return f"tcp://{self.address}"

    def command(self) -> list[str]:
        return ["mosquitto", "-c", str(self.home / "mosquitto.conf")]

    def answers(self) -> bool:
        with socket.create_connection(("127.0.0.1", self.port), timeout=5) as connection:
            connection.sendall(_CONNECT)
            return connection.recv(4) == _ACCEPTED

    def save(self) -> None:
        """For the first time, as it would do every half an hour."""
        os.kill(self.pid, signal.SIGUSR1)
        wait_for((self.home / "mosquitto.db").exists)


class Subscriber:
    """Somebody whose messages the broker keeps while he is away, but for those of qos 0."""

    def __init__(self, server: Mosquitto, topic: str, qos: int = 2) -> None:
        self.messages: list[bytes] = []
        self._server = server
        self._topic = topic
        self._qos = qos
        self._name = f"subscriber-{uuid.uuid4()}"
        self._socket: Any = None
        self.fetch()

    def has_read_all(self) -> bool:
        """Of what a broker that is paused has sent; the end of its process would take the rest back (RST)."""
        return not select.select([self._socket], [], [], 0)[0]

    def fetch(self) -> None:
        """Takes all that the broker acknowledged before."""
        with self.present():
            pass

    @contextmanager
    def present(self) -> Generator[None]:
        """Is there for as long as the block lasts, and until a mark of his own has come, behind all else."""
        mark, ready, ended = uuid.uuid4().bytes, Event(), Event()
        client = Client(CallbackAPIVersion.VERSION2, self._name, clean_session=False)

        # By its argument: a client that its own callbacks hold would be left, with its sockets, to the collector.
        def subscribe(client: Client, *_: Any) -> None:
            client.subscribe(self._topic, self._qos)

        def be_ready(*_: Any) -> None:
            ready.set()

        def take(_client: Client, _data: Any, message: MQTTMessage) -> None:
            if message.payload == mark:
                ended.set()
            else:
                self.messages.append(bytes(message.payload))

        client.on_connect, client.on_subscribe, client.on_message = subscribe, be_ready, take
        client.connect("127.0.0.1", self._server.port)
        client.loop_start()
        try:
            assert ready.wait(20)
            self._socket = client.socket()
            yield
            client.publish(self._topic, mark, qos=2)
            assert ended.wait(20)
        finally:
            client.disconnect()
            client.loop_stop()
