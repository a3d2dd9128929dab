"""The protocol of Kinesis Data Streams, which Yandex Data Streams speaks too: five hundred records in one request."""

import base64
from collections.abc import Sequence

import msgspec

from sidekick.sdk import Answer, BatchLimits, Event, Request, encode_json
from sidekick.sdk.aws import check, refusal, settle
from sidekick.sdk.body import read_json

_COUNT = 500
_KEY = 36  # the length of an id, which counts too
LIMITS = BatchLimits(count=_COUNT, bytes=(5 << 20) - _COUNT * _KEY, linger=0.1)
_HEADERS = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": "Kinesis_20131202.PutRecords"}


class _Record(msgspec.Struct, rename="pascal"):
    sequence_number: str | None = None
    error_code: str | None = None
    error_message: str | None = None


class _Result(msgspec.Struct, rename="pascal"):
    records: list[_Record] = []


def put_records(endpoint: str, stream: str, events: Sequence[Event]) -> Request:
    """Each alert's JSON under its id, which spreads alerts evenly over the shards."""
    records = [{"Data": base64.b64encode(event.json).decode(), "PartitionKey": event.uuid} for event in events]
    return Request(f"{endpoint}/", encode_json({"Records": records, "StreamName": stream}), _HEADERS)


def read_records(answer: Answer, events: Sequence[Event]) -> None:
    """Errors of single records are the stream's, never the record's.

    https://docs.aws.amazon.com/kinesis/latest/APIReference/API_PutRecords.html
    """
    check(answer)
    records = {str(place): record for place, record in enumerate(read_json(answer.body, _Result).records)}
    failed = {
        place: refusal(record.error_code, record.error_message or "", ours=False)
        for place, record in records.items()
        if record.error_code
    }
    settle(len(events), (place for place, record in records.items() if record.sequence_number), failed)
