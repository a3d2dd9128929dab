"""The service as its users run it: a process with a configuration file, that tests start, stop and kill."""

import sys
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import yaml

from tests.services.server import Server


class Sidekick(Server):
    """`sidekick -c FILE` with its data in `home`; `settings` as they would be written in the file."""

    def __init__(self, home: Path, **settings: Any) -> None:
        super().__init__(home)
        self.configuration = home / "config.yaml"
        self.configure(**settings)

    def configure(self, **settings: Any) -> None:
        base = {"listenaddress": "127.0.0.1", "listenport": self.port, "journal": {"path": str(self.home / "journal")}}
        self.configuration.write_text(yaml.safe_dump(base | settings))

    def command(self) -> list[str]:
        return [sys.executable, "-m", "sidekick", "-c", str(self.configuration)]

    def answers(self) -> bool:
        return self.get("/ping") == (200, b"pong\n")

    def get(self, path: str) -> tuple[int, bytes]:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def metric(self, name: str, **labels: str) -> float:
        """One sample of `/metrics`."""
        from prometheus_client.parser import text_string_to_metric_families

        for family in text_string_to_metric_families(self.get("/metrics")[1].decode()):
            for sample in family.samples:
                if sample.name == name and labels.items() <= sample.labels.items():
                    return sample.value
        raise KeyError(name)

    def end(self) -> int:
        """SIGTERM, and the exit code that follows."""
        self.stop()
        assert self._process is not None
        return self._process.returncode
