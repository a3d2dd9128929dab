"""AWS's services by moto. It looks at no signature; signatures have tests of their own.

`python -m tests.services.moto PORT RECORDING`
"""

import base64
import gzip
import json
import sys
import uuid
from collections.abc import Generator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import botocore.session

from tests.services.server import Server

ROOT = Path(__file__).parents[2]
REGION = "eu-west-1"


class Moto(Server):
    """A test makes its own queue, topic, stream, group or bucket, and reads it by AWS's own library.

    moto keeps all in memory, but writes down each request before it does it: a new life begins with all of them.
    """

    @property
    def _recording(self) -> Path:
        return self.home / "recording"

    @property
    def url(self) -> str:
        return f"http://{self.address}"

    @property
    def settings(self) -> dict[str, Any]:
        """Those that lead an output here."""
        return {"endpoint": self.url, "region": REGION, "accesskeyid": "AKIDEXAMPLE", "secretaccesskey": "secret"}

    def command(self) -> list[str]:
        recording = ["MOTO_ENABLE_RECORDING=1", f"MOTO_RECORDER_FILEPATH={self._recording}"]
        program = [sys.executable, "-m", __name__, str(self.port), str(self._recording)]
        return ["env", f"PYTHONPATH={ROOT}", *recording, *program]

    def answers(self) -> bool:
        return b"moto" in self._ask("GET", "/moto-api/")

    def _ask(self, method: str, path: str, body: object = None) -> bytes:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request(method, path, json.dumps(body), {"Content-Type": "application/json"})
            return connection.getresponse().read()
        finally:
            connection.close()

    @contextmanager
    def client(self, service: str) -> Generator[Any]:
        keys: dict[str, Any] = {"aws_access_key_id": "AKIDEXAMPLE", "aws_secret_access_key": "secret"}
        client = botocore.session.get_session().create_client(service, REGION, endpoint_url=self.url, **keys)
        try:
            yield client
        finally:
            client.close()

    def queue(self, suffix: str = "") -> str:
        """URL of a new queue."""
        attributes = {"FifoQueue": "true"} if suffix == ".fifo" else {}
        with self.client("sqs") as sqs:
            return sqs.create_queue(QueueName=f"q-{uuid.uuid4()}{suffix}", Attributes=attributes)["QueueUrl"]

    def messages(self, url: str) -> list[dict[str, Any]]:
        """What the queue holds, and does not hold afterwards."""
        found: list[dict[str, Any]] = []
        with self.client("sqs") as sqs:
            while batch := sqs.receive_message(
                QueueUrl=url, MaxNumberOfMessages=10, AttributeNames=["All"], MessageAttributeNames=["All"]
            ).get("Messages"):
                found += batch
                for message in batch:
                    sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return found

    def topic(self) -> tuple[str, str]:
        """ARN of a new topic, and URL of the queue that gets what it is told."""
        queue = self.queue()
        with self.client("sqs") as sqs:
            answer = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])
        with self.client("sns") as sns:
            topic = sns.create_topic(Name=f"t-{uuid.uuid4()}")["TopicArn"]
            sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=answer["Attributes"]["QueueArn"])
        return topic, queue

    def notifications(self, queue: str) -> list[dict[str, Any]]:
        return [json.loads(message["Body"]) for message in self.messages(queue)]

    def stream(self, shards: int = 2) -> str:
        name = f"s-{uuid.uuid4()}"
        with self.client("kinesis") as kinesis:
            kinesis.create_stream(StreamName=name, ShardCount=shards)
        return name

    def records(self, stream: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        with self.client("kinesis") as kinesis:
            for shard in kinesis.list_shards(StreamName=stream)["Shards"]:
                place = {"ShardId": shard["ShardId"], "ShardIteratorType": "TRIM_HORIZON"}
                iterator = kinesis.get_shard_iterator(StreamName=stream, **place)["ShardIterator"]
                found += kinesis.get_records(ShardIterator=iterator)["Records"]
        return found

    def function(self) -> str:
        """Name of a function that does nothing; moto runs none without Docker, but takes note of every call."""
        name = f"f-{uuid.uuid4()}"
        self._ask("POST", "/moto-api/config", {"lambda": {"use_docker": False}})
        with self.client("iam") as iam:
            role = iam.create_role(RoleName=name, AssumeRolePolicyDocument="{}")["Role"]["Arn"]
        code = {"ZipFile": b"PK\x05\x06" + bytes(18)}  # an empty archive
        with self.client("lambda") as functions:
            functions.create_function(FunctionName=name, Role=role, Runtime="python3.13", Handler="f.f", Code=code)
        return name

    def payloads(self, function: str) -> list[bytes]:
        """What the function was called with."""
        calls = [line for line in self._recording.read_text().splitlines() if f"/{function}/invocations" in line]
        return [base64.b64decode(json.loads(call)["body"]) for call in calls]

    def log_group(self) -> str:
        name = f"g-{uuid.uuid4()}"
        with self.client("logs") as logs:
            logs.create_log_group(logGroupName=name)
        return name

    def log_events(self, group: str, stream: str) -> list[dict[str, Any]]:
        with self.client("logs") as logs:
            return logs.get_log_events(logGroupName=group, logStreamName=stream, startFromHead=True)["events"]

    def bucket(self) -> str:
        name = f"b-{uuid.uuid4()}"
        with self.client("s3") as s3:
            s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
        return name

    def objects(self, bucket: str) -> dict[str, bytes]:
        """Objects by name, unpacked."""
        with self.client("s3") as s3:
            names = [found["Key"] for found in s3.list_objects_v2(Bucket=bucket).get("Contents", [])]
            bodies = {name: s3.get_object(Bucket=bucket, Key=name)["Body"].read() for name in names}
        return {name: gzip.decompress(body) if name.endswith(".gz") else body for name, body in bodies.items()}


def serve(port: int, recording: Path) -> None:
    from moto.moto_api import recorder  # in the server's process alone: it takes a second
    from moto.server import ThreadedMotoServer, main

    if recording.exists():
        # By another door, for what is asked meanwhile would not be written down.
        replaying = ThreadedMotoServer("127.0.0.1", 0)
        replaying.start()
        recorder.replay_recording("http://{}:{}".format(*replaying.get_host_and_port()))
        replaying.stop()
    main(["-H", "127.0.0.1", "-p", str(port)])


if __name__ == "__main__":
    serve(int(sys.argv[1]), Path(sys.argv[2]))
