"""What the compose file starts, as a process: the image's command and the file's environment, with real servers."""

import json
import os
import subprocess
import sys
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import yaml
from confluent_kafka import KafkaException

from tests.deadline import wait_for
from tests.services.kafka import Kafka
from tests.services.search import Elasticsearch
from tests.services.server import Server

ROOT = Path(__file__).parents[2]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
# The last lines of each kind count, as they do for the image.
DOCKERFILE = {
    word: json.loads(line.split(maxsplit=1)[1])
    for line in (ROOT / "Dockerfile").read_text().splitlines()
    for word in ("CMD", "ENTRYPOINT")
    if line.split()[:1] == [word]
}
PATH = f"{Path(sys.executable).parent}:{os.defpath}"


class Container(Server):
    """The service `sidekick`: its working directory is the volume, its environment the file's and nothing else."""

    def __init__(self, home: Path, environment: dict[str, str]) -> None:
        super().__init__(home)
        own = {"LISTENADDRESS": "127.0.0.1", "LISTENPORT": str(self.port), "PATH": PATH}
        self.environment = environment | own

    def command(self) -> list[str]:
        pairs = (f"{name}={value}" for name, value in self.environment.items())
        return ["env", "--ignore-environment", *pairs, *DOCKERFILE["ENTRYPOINT"]]

    def answers(self) -> bool:
        """What the image's health check says."""
        check = [word.replace("127.0.0.1:2801", self.address) for word in DOCKERFILE["CMD"]]
        return subprocess.run(check, env={"PATH": PATH}, capture_output=True, timeout=10).returncode == 0

    def post(self, alert: dict[str, Any]) -> int:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("POST", "/", json.dumps(alert))
            return connection.getresponse().status
        finally:
            connection.close()


def _environment(**addresses: str) -> dict[str, str]:
    """The file's, with the real addresses in the place of its host names."""
    pairs = json.dumps(COMPOSE["services"]["sidekick"]["environment"])
    for name, address in addresses.items():
        for port in (9092, 9200):
            pairs = pairs.replace(f"{name}:{port}", address)
    return json.loads(pairs)


def test_an_alert_reaches_elasticsearch_and_kafka(tmp_path: Path, elasticsearch: Elasticsearch, kafka: Kafka) -> None:
    environment = _environment(elasticsearch=elasticsearch.address, kafka=kafka.address)
    alert = {
        "rule": "Terminal shell in container",
        "priority": "Notice",
        "time": "2001-02-03T04:05:06.123456789Z",
        "output": "A shell was spawned",
        "output_fields": {"proc.name": "bash", "marker": str(tmp_path)},
    }

    def in_kafka() -> bool:
        try:
            values = [message.value() or b"" for message in kafka.messages(environment["KAFKA_TOPIC"])]
        except KafkaException:
            return False
        return any(str(tmp_path).encode() in value for value in values)

    with Container(tmp_path, environment) as sidekick:
        assert sidekick.post(alert) == 200
        wait_for(lambda: elasticsearch.ask("GET", "/falco-2001.02.03/_count").get("count"), what="the document")
        wait_for(in_kafka, what="the message")
    (document,) = elasticsearch.documents("falco-2001.02.03")
    assert document["output_fields"]["marker"] == str(tmp_path)
    assert (tmp_path / "data" / "journal").is_dir(), "the journal is in the volume"
