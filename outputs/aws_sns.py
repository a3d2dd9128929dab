"""Amazon SNS: one message an alert, ten in one request, with the alert's fields as attributes to filter by.
It takes the permission sns:Publish.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Annotated
from urllib.parse import urlencode

from pydantic import AfterValidator

from sidekick.sdk import Answer, BatchLimits, Event, Flag, NumberLiteral, Request, Text
from sidekick.sdk.aws import FORM, AwsOutput, AwsOutputSettings, check, json_text, plain_text, read_xml, refusal, settle

# What an attribute's name may hold: letters, digits, `_`, `-`, and single dots within.
_FOREIGN = re.compile(r"[^A-Za-z0-9_.-]")
_DOTS = re.compile(r"\.{2,}")
_RESERVED = ("aws.", "amazon.")
_LONGEST_NAME = 256
# Numbers have at most 38 digits and lie between -10^128 and 10^126
# (https://docs.aws.amazon.com/sns/latest/dg/sns-message-attributes.html); longer ones are told as texts.
_NUMBER = re.compile(r"-?\d{1,20}(\.\d{1,17})?([eE][+-]?\d{1,2})?")


def _arn(text: str) -> str:
    """Refused here, for SNS would say that the alerts are wrong."""
    if text and not re.fullmatch(r"arn:[^:]+:sns:[^:]+:[^:]*:[^:]+", text):
        raise ValueError(f"{text!r} is no ARN of a topic: write arn:aws:sns:REGION:ACCOUNT:NAME")
    return text


class SnsSettings(AwsOutputSettings):
    """Keys of `aws.sns`."""

    topicarn: Annotated[Text, AfterValidator(_arn)] = ""
    """ARN of the topic. Its region counts before `region`; of a topic named `….fifo` each alert is a group of its own,
    and one that is sent again within five minutes leaves no second message."""
    rawjson: Flag = False
    """The message is the alert's JSON, without attributes; otherwise its output, with all else as attributes. Raw
    delivery to SQS takes ten attributes, so it needs this."""


class AwsSns(AwsOutput[SnsSettings]):
    Settings = SnsSettings
    service = "sns"
    title = "AWSSNS"
    category = "queue"
    website = "https://aws.amazon.com/sns"
    requires = ("topicarn",)
    example = {"topicarn": "arn:aws:sns:eu-west-1:123456789012:falco"}
    # AWS counts 256 KiB, attributes and their names among them, which take more room than the JSON.
    limits = BatchLimits(count=10, bytes=192 << 10)

    @property
    def region(self) -> str:
        return self.settings.topicarn.split(":")[3]

    def encode(self, events: Sequence[Event]) -> Request:
        fields = {"Action": "PublishBatch", "TopicArn": self.settings.topicarn, "Version": "2010-03-31"}
        for place, event in enumerate(events):
            entry = {"Id": str(place), **dict(self._message(event))}
            fields |= {f"PublishBatchRequestEntries.member.{place + 1}.{name}": value for name, value in entry.items()}
        return Request(f"{self.endpoint}/", urlencode(fields).encode(), {"Content-Type": FORM})

    def _message(self, event: Event) -> Iterator[tuple[str, str]]:
        raw = self.settings.rawjson
        # SNS refuses a message without a character.
        yield "Message", json_text(event) if raw else plain_text(event.output) or event.rule
        if self.settings.topicarn.endswith(".fifo"):
            yield "MessageDeduplicationId", event.uuid
            yield "MessageGroupId", event.uuid
        attributes = {} if raw else _attributes(event)
        for number, (name, (kind, value)) in enumerate(sorted(attributes.items()), 1):
            yield f"MessageAttributes.entry.{number}.Name", name
            yield f"MessageAttributes.entry.{number}.Value.DataType", kind
            yield f"MessageAttributes.entry.{number}.Value.StringValue", value

    def read_answer(self, answer: Answer, events: Sequence[Event]) -> None:
        check(answer)
        result = read_xml(answer)
        failed = {
            item.findtext("{*}Id", ""): refusal(
                item.findtext("{*}Code", ""),
                item.findtext("{*}Message", ""),
                ours=item.findtext("{*}SenderFault") == "true",
            )
            for item in result.iterfind(".//{*}Failed/{*}member")
        }
        taken = (item.findtext("{*}Id", "") for item in result.iterfind(".//{*}Successful/{*}member"))
        settle(len(events), taken, failed)


def _attributes(event: Event) -> dict[str, tuple[str, str]]:
    """Name → type and value; an attribute without a value would have the whole message refused."""
    known = {
        "priority": event.priority.value,
        "rule": event.rule,
        "source": event.source,
        "tags": ",".join(event.tags),
        "hostname": event.hostname,
    }
    texts = {_name(field): _value(value) for field, value in (event.fields | known).items()}
    return {name: typed for name, typed in texts.items() if name and typed[1]}


def _name(field: str) -> str:
    plain = _FOREIGN.sub("_", field.replace("]", "").replace("[", "."))
    name = _DOTS.sub(".", plain).strip(".")[:_LONGEST_NAME].rstrip(".")
    return f"_{name}"[:_LONGEST_NAME] if name.lower().startswith(_RESERVED) else name


def _value(value: object) -> tuple[str, str]:
    """Texts and numbers, as falcosidekick does; no value for all else."""
    if isinstance(value, str):
        return "String", plain_text(value)
    if isinstance(value, bool) or not isinstance(value, int | NumberLiteral):
        return "String", ""
    text = str(value) if isinstance(value, int) else value.text
    return "Number" if _NUMBER.fullmatch(text) else "String", text
