"""RabbitMQ, as Debian packages it: AMQP 0.9.1, the same by TLS, and MQTT 3.1.1."""

import os
import socket
import subprocess
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import aio_pika
from aio_pika.abc import AbstractIncomingMessage

from tests.services.certificates import Certificates
from tests.services.server import Server

# The program beneath Debian's wrapper, which would start it as another user, in folders of the system.
_PROGRAM = "/usr/lib/rabbitmq/bin/rabbitmq-server"
_CONFIGURATION = """\
listeners.tcp.local = 127.0.0.1:{port}
listeners.ssl.local = 127.0.0.1:{secure}
ssl_options.certfile = {files.server}
ssl_options.keyfile = {files.server_key}
ssl_options.cacertfile = {files.authority}
disk_free_limit.absolute = 1MB
mqtt.listeners.tcp.local = 127.0.0.1:{mqtt}
"""


class RabbitMQ(Server):
    """`url` for the user that a new server has, `secure_url` by TLS; at the port `mqtt` it is a broker of MQTT."""

    ports = 5

    def __init__(self, home: Path) -> None:
        super().__init__(home)
        self.certificates = Certificates(home)
        self.secure, distribution, self._names, self.mqtt = (self.port + place for place in (1, 2, 3, 4))
        configuration, ports = home / "rabbitmq.conf", {"port": self.port, "secure": self.secure, "mqtt": self.mqtt}
        configuration.write_text(_CONFIGURATION.format(files=self.certificates, **ports))
        (home / "plugins").write_text("[rabbitmq_mqtt].\n")
        self._environment = {
            "HOME": str(home),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "ERL_EPMD_PORT": str(self._names),
            "RABBITMQ_CONFIG_FILE": str(configuration),
            "RABBITMQ_CONF_ENV_FILE": "/dev/null",
            "RABBITMQ_DIST_PORT": str(distribution),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(home / "plugins"),
            "RABBITMQ_LOGS": "-",
            "RABBITMQ_LOG_BASE": str(home),
            "RABBITMQ_MNESIA_BASE": str(home),
            "RABBITMQ_NODENAME": f"test-{self.port}@localhost",
            # So that no shell stands between this process and the server.
            "RUNNING_UNDER_SYSTEMD": "true",
        }

    @property
    def url(self) -> str:
        return f"amqp://guest:guest@{self.address}/"

    @property
    def secure_url(self) -> str:
        return f"amqps://guest:guest@localhost:{self.secure}/"

    def command(self) -> list[str]:
        return ["env", *(f"{name}={value}" for name, value in self._environment.items()), _PROGRAM]

    def answers(self) -> bool:
        with socket.create_connection(("127.0.0.1", self.port), timeout=5) as connection:
            connection.sendall(b"AMQP\x00\x00\x09\x01")
            return connection.recv(7).startswith(b"\x01")

    def stop(self) -> None:
        super().stop()
        self._forget_names()

    def kill(self) -> None:
        super().kill()
        self._forget_names()

    def sync(self) -> None:
        """Returns when the queues that there are outlive a kill: they are written some time after their declaration."""
        self._call("mnesia sync_log []")

    @contextmanager
    def at_most(self, size: int) -> Generator[None]:
        """Takes no message of more bytes from channels that are opened while the block lasts."""
        usual = 128 << 20
        try:
            self._call(f"application set_env [rabbit,max_message_size,{size}]")
            yield
        finally:
            self._call(f"application set_env [rabbit,max_message_size,{usual}]")

    def _call(self, function: str) -> None:
        cookie = (self.home / ".erlang.cookie").read_text()
        call = ["erl_call", "-n", self._environment["RABBITMQ_NODENAME"], "-c", cookie, "-a", function]
        subprocess.run(call, env=os.environ | self._environment, check=True, capture_output=True, timeout=20)

    def _forget_names(self) -> None:
        """Erlang's name server is a process of its own, which the first node starts and none ends."""
        environment = os.environ | self._environment
        subprocess.run(["epmd", "-kill"], env=environment, check=False, capture_output=True, timeout=10)


@asynccontextmanager
async def queue(server: RabbitMQ, name: str, **arguments: int | str) -> AsyncGenerator[None]:
    """A durable queue for as long as the block lasts; `arguments` are the broker's, with `_` for `-`."""
    async with await aio_pika.connect(server.url) as connection, connection.channel() as channel:
        options = {f"x-{key.replace('_', '-')}": value for key, value in arguments.items()}
        await channel.declare_queue(name, durable=True, arguments=options)
    yield
    async with await aio_pika.connect(server.url) as connection, connection.channel() as channel:
        await channel.queue_delete(name)


async def messages(server: RabbitMQ, name: str) -> list[AbstractIncomingMessage]:
    """What is in the queue, and stays there."""
    found: list[AbstractIncomingMessage] = []
    async with await aio_pika.connect(server.url) as connection, connection.channel() as channel:
        declared = await channel.get_queue(name)
        while (message := await declared.get(fail=False)) is not None:
            found.append(message)
        # Closed without an acknowledgement, the channel gives them all back.
    return found
