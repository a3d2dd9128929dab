"""Amazon SQS: one message an alert, its JSON, ten in one request. It takes the permission sqs:SendMessage."""

import re
from collections.abc import Sequence
from urllib.parse import urlsplit

import msgspec

from sidekick.sdk import Answer, BatchLimits, Event, Request, Text, encode_json
from sidekick.sdk.aws import AwsOutput, AwsOutputSettings, check, json_text, refusal, settle
from sidekick.sdk.body import read_json

_REGION = re.compile(r"\b[a-z]{2}(?:-[a-z]+)+-\d+\b")


class SqsSettings(AwsOutputSettings):
    """Keys of `aws.sqs`."""

    url: Text = ""
    """URL of the queue. Its region counts before `region`; of a queue named `….fifo` each alert is a group of its own,
    and one that is sent again within five minutes leaves no second message."""


class _Entry(msgspec.Struct, rename="pascal"):
    id: str = ""
    code: str = ""
    message: str = ""
    sender_fault: bool = False


class _Result(msgspec.Struct, rename="pascal"):
    successful: list[_Entry] = []
    failed: list[_Entry] = []


class AwsSqs(AwsOutput[SqsSettings]):
    Settings = SqsSettings
    service = "sqs"
    title = "AWSSQS"
    category = "queue"
    website = "https://aws.amazon.com/sqs"
    requires = ("url",)
    example = {"url": "https://sqs.eu-west-1.amazonaws.com/123456789012/falco"}
    limits = BatchLimits(count=10, bytes=1 << 20)

    @property
    def region(self) -> str:
        found = _REGION.search(urlsplit(self.settings.url).netloc)
        return found[0] if found else super().region

    @property
    def own_endpoint(self) -> str:
        parts = urlsplit(self.settings.url)
        return f"{parts.scheme}://{parts.netloc}"

    def encode(self, events: Sequence[Event]) -> Request:
        entries = [{"Id": str(place)} | self._message(event) for place, event in enumerate(events)]
        headers = {"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": "AmazonSQS.SendMessageBatch"}
        return Request(f"{self.endpoint}/", encode_json({"Entries": entries, "QueueUrl": self.settings.url}), headers)

    def _message(self, event: Event) -> dict[str, str]:
        first_in_first_out = self.settings.url.endswith(".fifo")
        ids = {"MessageDeduplicationId": event.uuid, "MessageGroupId": event.uuid} if first_in_first_out else {}
        return {"MessageBody": json_text(event)} | ids

    def read_answer(self, answer: Answer, events: Sequence[Event]) -> None:
        check(answer)
        result = read_json(answer.body, _Result)
        failed = {item.id: refusal(item.code, item.message, ours=item.sender_fault) for item in result.failed}
        settle(len(events), (item.id for item in result.successful), failed)
