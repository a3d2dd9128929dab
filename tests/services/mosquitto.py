"""Mosquitto, as Debian packages it: MQTT for everybody, and by TLS for who has a password."""

import socket
import subprocess
from pathlib import Path

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
    """`port` is for everybody, `secure` wants TLS and the login of USER. What it holds outlives a stop, not a kill."""

    ports = 2

    def __init__(self, home: Path) -> None:
        super().__init__(home)
        self.secure = self.port + 1
        self.certificates = Certificates(home)
        passwords = ["mosquitto_passwd", "-b", "-c", str(home / "passwords"), USER, PASSWORD]
        subprocess.run(passwords, check=True, capture_output=True)
        configuration = _CONFIGURATION.format(home=home, port=self.port, secure=self.secure, files=self.certificates)
        (home / "mosquitto.conf").write_text(configuration)

    def command(self) -> list[str]:
        return ["mosquitto", "-c", str(self.home / "mosquitto.conf")]

    def answers(self) -> bool:
        with socket.create_connection(("127.0.0.1", self.port), timeout=5) as connection:
            connection.sendall(_CONNECT)
            return connection.recv(4) == _ACCEPTED
