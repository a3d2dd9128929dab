"""NATS Streaming, which Debian does not package: compiled once, outside the work tree.

`python -m tests.services.streaming` does so.
"""

import json
import os
import subprocess
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

from tests.services.jars import CACHE
from tests.services.server import Server

CLUSTER = "tests"
_VERSION = "v0.25.6"
_MODULE = "github.com/nats-io/nats-streaming-server"


class Streaming(Server):
    """A server of the cluster CLUSTER that keeps its messages in files."""

    ports = 2

    def __init__(self, home: Path) -> None:
        super().__init__(home)
        self._program = build()

    @property
    def url(self) -> str:
        return f"nats://{self.address}"

    def command(self) -> list[str]:
        files = ["--store", "file", "--dir", str(self.home / "store"), "--file_sync=false"]
        # Its monitoring tells when it is ready, for the port of NATS is open before that.
        ports = ["--addr", "127.0.0.1", "--port", str(self.port), "--http_port", str(self.port + 1)]
        return [str(self._program), "--cluster_id", CLUSTER, *files, *ports]

    def answers(self) -> bool:
        try:
            return self._ask("/streaming/serverz").get("state") == "STANDALONE"
        except (HTTPException, ValueError):
            return False

    def last_sequence(self, channel: str) -> int:
        """The number of the channel's last message; 0 where there is none."""
        return self._ask(f"/streaming/channelsz?channel={channel}").get("last_seq", 0)

    def _ask(self, path: str) -> dict[str, Any]:
        connection = HTTPConnection("127.0.0.1", self.port + 1, timeout=5)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return json.loads(answer.read()) if answer.status == 200 else {}
        finally:
            connection.close()


def build() -> Path:
    """The program, compiled by the Go that is there (1.19 or newer) where it is not yet."""
    folder = CACHE / f"nats-streaming-server-{_VERSION}"
    program = folder / "nats-streaming-server"
    if not program.exists():
        environment = os.environ | {"GOBIN": str(folder), "CGO_ENABLED": "0"}
        subprocess.run(["go", "install", f"{_MODULE}@{_VERSION}"], env=environment, check=True)
    return program


if __name__ == "__main__":
    print(build())
