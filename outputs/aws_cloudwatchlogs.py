"""Amazon CloudWatch Logs: one log event an alert, its JSON at its own time. It takes the permission
logs:PutLogEvents, and logs:CreateLogStream where `logstream` is empty.

What CloudWatch will not keep is a dead letter: alerts of more than two hours to come, of more than 14 days ago, and of
before the log group's retention. A request over more than 24 hours is refused whole, and the delivery halves it.
"""

from collections.abc import Sequence

import msgspec

from sidekick.sdk import Answer, BatchLimits, Event, PartialError, PermanentError, Request, Text, encode_json
from sidekick.sdk.aws import AwsOutput, AwsOutputSettings, check, error_code
from sidekick.sdk.body import read_json

_COUNT = 1000
_OWN_STREAM = "falcosidekick-logstream"


class CloudwatchlogsSettings(AwsOutputSettings):
    """Keys of `aws.cloudwatchlogs`."""

    loggroup: Text = ""
    """Log group; it has to be there."""
    logstream: Text = ""
    """Log stream, which has to be there; empty: falcosidekick-logstream, made at the start if it is not."""


class _Rejected(msgspec.Struct, rename="camel"):
    too_new_log_event_start_index: int | None = None
    too_old_log_event_end_index: int | None = None
    expired_log_event_end_index: int | None = None


class _Result(msgspec.Struct, rename="camel"):
    rejected_log_events_info: _Rejected | None = None


class AwsCloudwatchlogs(AwsOutput[CloudwatchlogsSettings]):
    Settings = CloudwatchlogsSettings
    service = "logs"
    title = "AWSCloudWatchLogs"
    category = "logs"
    website = "https://aws.amazon.com/cloudwatch"
    requires = ("loggroup",)
    example = {"loggroup": "falco", "region": "eu-west-1"}
    # Each log event counts 26 bytes more than its message.
    limits = BatchLimits(count=_COUNT, bytes=(1 << 20) - 26 * _COUNT, linger=0.2)

    async def connect(self) -> None:
        await super().connect()
        if not self.settings.logstream:
            answer = await self.request(self._call("CreateLogStream", {}))
            if error_code(answer) != "ResourceAlreadyExistsException":
                check(answer)

    def encode(self, events: Sequence[Event]) -> Request:
        entries = [
            {"message": events[place].json.decode(), "timestamp": _milliseconds(events[place])}
            for place in _in_order(events)
        ]
        return self._call("PutLogEvents", {"logEvents": entries})

    def _call(self, action: str, values: dict[str, object]) -> Request:
        where = {
            "logGroupName": self.settings.loggroup,
            "logStreamName": self.settings.logstream or _OWN_STREAM,
        }
        headers = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": f"Logs_20140328.{action}"}
        return Request(f"{self.endpoint}/", encode_json(values | where), headers)

    def read_answer(self, answer: Answer, events: Sequence[Event]) -> None:
        check(answer)
        rejected = read_json(answer.body, _Result).rejected_log_events_info or _Rejected()
        places = _in_order(events)
        too_new = rejected.too_new_log_event_start_index
        reasons = {
            "too old": places[: rejected.too_old_log_event_end_index or 0],
            "older than the log group keeps": places[: rejected.expired_log_event_end_index or 0],
            "too far in the future": places[too_new:] if too_new is not None else [],
        }
        refused = {
            place: PermanentError(f"CloudWatch Logs: {why}") for why, found in reasons.items() for place in found
        }
        if refused:
            raise PartialError(refused)


def _in_order(events: Sequence[Event]) -> list[int]:
    """Places by time, which is the order that PutLogEvents asks for."""
    return sorted(range(len(events)), key=lambda place: _milliseconds(events[place]))


def _milliseconds(event: Event) -> int:
    return max(0, event.timestamp_ns // 1_000_000)
