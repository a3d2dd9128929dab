"""Amazon Kinesis Data Streams: one record an alert, its JSON. It takes the permission kinesis:PutRecords."""

from collections.abc import Sequence

from outputs._kinesis import LIMITS, put_records, read_records
from sidekick.sdk import Answer, Event, Request, Text
from sidekick.sdk.aws import AwsOutput, AwsOutputSettings


class KinesisSettings(AwsOutputSettings):
    """Keys of `aws.kinesis`."""

    streamname: Text = ""
    """Name of the stream."""


class AwsKinesis(AwsOutput[KinesisSettings]):
    Settings = KinesisSettings
    service = "kinesis"
    title = "AWSKinesis"
    category = "queue"
    website = "https://aws.amazon.com/kinesis/data-streams"
    requires = ("streamname",)
    example = {"streamname": "falco", "region": "eu-west-1"}
    limits = LIMITS

    def encode(self, events: Sequence[Event]) -> Request:
        return put_records(self.endpoint, self.settings.streamname, events)

    def read_answer(self, answer: Answer, events: Sequence[Event]) -> None:
        read_records(answer, events)
