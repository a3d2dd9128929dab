"""Apache Kafka 4.4.0, one KRaft node with a listener for each way to come in."""

import socket
import subprocess
from dataclasses import dataclass
from pathlib import Path

import trustme
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaException, Message, TopicPartition
from confluent_kafka.admin import AdminClient
from cryptography.hazmat.primitives import serialization

from tests.services import jars, java
from tests.services.server import Server

PLAIN_USER, PLAIN_PASSWORD = "alice", "alice-secret"
SCRAM_USER, SCRAM_PASSWORD = "bob", "bob-secret"
CLUSTER = "MkU3OEVBNTcwNTJENDM2Qg"

PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{plain},SASL_SSL://127.0.0.1:{sasl},SSL://127.0.0.1:{tls},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{plain},SASL_SSL://127.0.0.1:{sasl},SSL://127.0.0.1:{tls}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,SASL_SSL:SASL_SSL,SSL:SSL,CONTROLLER:PLAINTEXT
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
log.dirs={home}/data
num.partitions=1
offsets.topic.num.partitions=1
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
auto.create.topics.enable=true
log.cleaner.backoff.ms=500
ssl.keystore.type=PEM
ssl.keystore.location={home}/broker.pem
listener.name.ssl.ssl.client.auth=required
listener.name.ssl.ssl.truststore.type=PEM
listener.name.ssl.ssl.truststore.location={home}/ca.pem
sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512
listener.name.sasl_ssl.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required user_{plain_user}="{plain_password}";
listener.name.sasl_ssl.scram-sha-256.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
"""  # noqa: E501


@dataclass(frozen=True)
class Certificates:
    """PEM files: the authority that the broker and its clients trust, and what a client shows for mutual TLS."""

    authority: Path
    client: Path
    client_key: Path


class Kafka(Server):
    """A broker: `address` needs nothing, `sasl_address` a password over TLS, `tls_address` a client certificate."""

    ports = 4

    def __init__(self, home: Path) -> None:
        super().__init__(home)
        self.certificates = _certificates(home)
        self._jars = jars.build("kafka")

    @property
    def sasl_address(self) -> str:
        """SASL_SSL: PLAIN for PLAIN_USER, SCRAM-SHA-256 and SCRAM-SHA-512 for SCRAM_USER."""
        return f"127.0.0.1:{self.port + 1}"

    @property
    def tls_address(self) -> str:
        """Mutual TLS."""
        return f"127.0.0.1:{self.port + 2}"

    def start(self) -> None:
        if not (self.home / "data" / "meta.properties").exists():
            self._format()
        super().start()

    def command(self) -> list[str]:
        return self._java("kafka.Kafka", str(self.home / "server.properties"))

    def answers(self) -> bool:
        # The client would log each refused connection, so it is made once the port is open.
        socket.create_connection(("127.0.0.1", self.port)).close()
        try:
            AdminClient({"bootstrap.servers": self.address}).list_topics(timeout=5)
        except KafkaException:
            return False
        return True

    def messages(self, topic: str) -> list[Message]:
        """What partition 0 of that topic holds, from its beginning to its end at this moment."""
        settings = {"bootstrap.servers": self.address, "group.id": "tests", "enable.auto.commit": False}
        consumer = Consumer(settings)
        try:
            position, end = consumer.get_watermark_offsets(TopicPartition(topic, 0), timeout=10)
            consumer.assign([TopicPartition(topic, 0, OFFSET_BEGINNING)])
            found: list[Message] = []
            while position < end:
                # Asked for more than there is, it would wait for the rest.
                found += consumer.consume(end - position, timeout=1)
                position = (found[-1].offset() or 0) + 1 if found else position
            return found
        finally:
            consumer.close()

    def _format(self) -> None:
        settings = PROPERTIES.format(
            home=self.home,
            plain=self.port,
            sasl=self.port + 1,
            tls=self.port + 2,
            controller=self.port + 3,
            plain_user=PLAIN_USER,
            plain_password=PLAIN_PASSWORD,
        )
        properties = self.home / "server.properties"
        properties.write_text(settings)
        users = [
            flag
            for mechanism in ("SCRAM-SHA-256", "SCRAM-SHA-512")
            for flag in ("--add-scram", f"{mechanism}=[name={SCRAM_USER},password={SCRAM_PASSWORD}]")
        ]
        tool = self._java("kafka.tools.StorageTool", "format", "-t", CLUSTER, "-c", str(properties), *users)
        subprocess.run(tool, check=True, capture_output=True, timeout=60)

    def _java(self, *main: str) -> list[str]:
        logging = f"-Dlog4j2.configurationFile={self._jars}/log4j2.yaml"
        return java.command(java.java_17(), self._jars, logging, *main, heap="384m")


def _certificates(home: Path) -> Certificates:
    authority = trustme.CA()
    broker, client = authority.issue_cert("localhost", "127.0.0.1"), authority.issue_cert("sidekick")
    made = Certificates(home / "ca.pem", home / "client.pem", home / "client-key.pem")
    authority.cert_pem.write_to_path(made.authority)
    client.cert_chain_pems[0].write_to_path(made.client)
    client.private_key_pem.write_to_path(made.client_key)
    key = serialization.load_pem_private_key(broker.private_key_pem.bytes(), None)
    # Kafka reads keys in PKCS #8 alone.
    pkcs8 = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (home / "broker.pem").write_bytes(pkcs8 + broker.cert_chain_pems[0].bytes())
    return made
