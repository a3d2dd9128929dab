"""What queues, topics, streams, logs and functions are told, and what becomes of each alert by the answer."""

import asyncio
import json
from typing import Any
from urllib.parse import parse_qsl

import pytest
from pydantic import ValidationError

from outputs.aws_cloudwatchlogs import AwsCloudwatchlogs
from outputs.aws_kinesis import AwsKinesis
from outputs.aws_lambda import AwsLambda
from outputs.aws_sns import AwsSns
from outputs.aws_sqs import AwsSqs
from sidekick.event import Event
from sidekick.sdk import (
    Answer,
    Context,
    MisconfiguredError,
    PartialError,
    PermanentError,
    Request,
    RetryableError,
)
from sidekick.sdk.aws import AwsOutput
from sidekick.sdk.testing import always
from tests.outputs.alerts import alert
from tests.outputs.aws.conftest import KEYS, Opened
from tests.services.moto import Moto

ODD = "nul \u0000, bell \u0007, \ufffe and \uffff, 漢"


def built(kind: type[AwsOutput[Any]], **settings: Any) -> Any:
    return kind(kind.Settings.model_validate({**kind.example, **KEYS, **settings}), Context())


def refused(output: AwsOutput[Any], body: bytes, count: int) -> dict[int, tuple[type[Exception], str]]:
    """What becomes of each of so many alerts; those that are not named are delivered."""
    try:
        output.read_answer(Answer(200, {}, body), [alert() for _ in range(count)])
    except PartialError as error:
        return {place: (type(one), str(one)) for place, one in error.errors.items()}
    return {}


def kinds(found: dict[int, tuple[type[Exception], str]]) -> dict[int, type[Exception]]:
    return {place: kind for place, (kind, _) in found.items()}


def form(request: Request) -> dict[str, str]:
    return dict(parse_qsl(request.body.decode(), strict_parsing=True, keep_blank_values=True))


async def test_a_fifo_queue_keeps_one_of_two_equal_messages(moto: Moto) -> None:
    events = [alert(), alert()]
    url = await asyncio.to_thread(moto.queue, ".fifo")
    output = built(AwsSqs, **moto.settings, url=url)
    try:
        await output.send(events)
        await output.send(events)
    finally:
        await output.close()
    found = await asyncio.to_thread(moto.messages, url)
    assert sorted(message["Body"] for message in found) == sorted(event.json.decode() for event in events)
    assert {message["Attributes"]["MessageGroupId"] for message in found} == {event.uuid for event in events}


def test_a_message_holds_no_character_that_sqs_refuses_and_reads_the_same() -> None:
    event = alert({"odd": ODD}, output=ODD)
    (entry,) = json.loads(built(AwsSqs).encode([event]).body)["Entries"]
    assert not {"\0", "\7", "\ufffe", "\uffff"} & set(entry["MessageBody"])
    assert json.loads(entry["MessageBody"])["output_fields"]["odd"] == ODD


def test_sqs_answers_for_each_message() -> None:
    failed = [
        {"Id": "1", "Code": "InvalidMessageContents", "Message": "odd", "SenderFault": True},
        {"Id": "2", "Code": "ServiceUnavailable", "Message": "later", "SenderFault": False},
        {"Id": "3", "Code": "KmsDisabled", "Message": "key", "SenderFault": True},
    ]
    body = json.dumps({"Successful": [{"Id": "0"}], "Failed": failed}).encode()
    found = refused(built(AwsSqs), body, 5)
    assert kinds(found) == {1: PermanentError, 2: RetryableError, 3: MisconfiguredError, 4: RetryableError}
    assert found[1][1] == "InvalidMessageContents: odd"


async def test_a_message_of_sns_has_attributes_to_filter_by(moto: Moto) -> None:
    fields = {
        "proc.args[0]": "-c",
        "empty": "",
        "proc.pid": 7,
        "far": 2**200,
        "yes": True,
        "no": None,
        "a..b ": "x",
        "AWS.x": "y",
    }
    event = alert(fields, hostname="", tags=["b", "a"])
    topic, queue = await asyncio.to_thread(moto.topic)
    output = built(AwsSns, **moto.settings, topicarn=topic)
    try:
        await output.send([event])
    finally:
        await output.close()
    (told,) = await asyncio.to_thread(moto.notifications, queue)
    assert told["Message"] == event.output
    assert {name: (value["Type"], value["Value"]) for name, value in told["MessageAttributes"].items()} == {
        "priority": ("String", "Notice"),
        "rule": ("String", "Terminal shell in container"),
        "source": ("String", "syscall"),
        "tags": ("String", "a,b"),
        "proc.args.0": ("String", "-c"),
        "proc.pid": ("Number", "7"),
        "far": ("String", str(2**200)),
        "a.b_": ("String", "x"),
        "_AWS.x": ("String", "y"),
    }


def test_raw_messages_of_sns_are_the_alert_alone() -> None:
    event = alert({"odd": ODD})
    fields = form(built(AwsSns, rawjson=True).encode([event]))
    entry = {name.removeprefix("PublishBatchRequestEntries.member.1."): value for name, value in fields.items()}
    assert json.loads(entry.pop("Message"))["output_fields"]["odd"] == ODD
    assert entry == {
        "Action": "PublishBatch",
        "Version": "2010-03-31",
        "TopicArn": AwsSns.example["topicarn"],
        "Id": "0",
    }


def test_a_fifo_topic_gets_the_ids_that_it_needs() -> None:
    event = alert()
    fields = form(built(AwsSns, topicarn="arn:aws:sns:eu-west-1:1:t.fifo").encode([event]))
    prefix = "PublishBatchRequestEntries.member.1."
    assert fields[f"{prefix}MessageDeduplicationId"] == fields[f"{prefix}MessageGroupId"] == event.uuid


@pytest.mark.parametrize("arn", ["falco", "arn:aws:sqs:eu-west-1:1:falco", "arn:aws:sns::1:falco", "arn:aws:sns:a:1:"])
def test_what_is_no_topic_is_refused_as_a_setting(arn: str) -> None:
    with pytest.raises(ValidationError, match="is no ARN of a topic"):
        built(AwsSns, topicarn=arn)


def test_sns_answers_for_each_message() -> None:
    fault = "<Code>InvalidParameter</Code><Message>odd</Message><SenderFault>true</SenderFault>"
    later = "<Code>InternalError</Code><SenderFault>false</SenderFault>"
    items = f"<member><Id>1</Id>{fault}</member><member><Id>2</Id>{later}</member>"
    taken = "<Successful><member><Id>0</Id></member></Successful>"
    body = f'<A xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><B><Failed>{items}</Failed>{taken}</B></A>'
    found = refused(built(AwsSns), body.encode(), 4)
    assert kinds(found) == {1: PermanentError, 2: RetryableError, 3: RetryableError}


async def test_kinesis_takes_what_it_can_and_the_rest_later(moto: Moto) -> None:
    stream = await asyncio.to_thread(moto.stream, 3)
    events = [alert() for _ in range(60)]
    output = built(AwsKinesis, **moto.settings, streamname=stream)
    try:
        await output.send(events)
    finally:
        await output.close()
    found = await asyncio.to_thread(moto.records, stream)
    assert {record["PartitionKey"]: record["Data"] for record in found} == {event.uuid: event.json for event in events}
    body = (
        b'{"FailedRecordCount":1,"Records":[{"SequenceNumber":"1","ShardId":"0"},'
        b'{"ErrorCode":"ProvisionedThroughputExceededException","ErrorMessage":"Rate exceeded"}]}'
    )
    assert kinds(refused(output, body, 3)) == {1: RetryableError, 2: RetryableError}


def at(*times: str) -> list[Event]:
    return [alert(time=time) for time in times]


def test_log_events_are_in_the_order_of_their_times() -> None:
    events = at("2026-11-24T10:00:00.002Z", "2026-11-24T12:00:00.0015+02:00", "1969-12-31T00:00:00Z")
    sent = json.loads(built(AwsCloudwatchlogs).encode(events).body)["logEvents"]
    moment = 1795514400000
    assert [entry["timestamp"] for entry in sent] == [0, moment + 1, moment + 2]
    assert [json.loads(entry["message"])["uuid"] for entry in sent] == [events[at].uuid for at in (2, 1, 0)]


def test_log_events_that_cloudwatch_rejects_are_told_apart() -> None:
    output = built(AwsCloudwatchlogs)
    events = at("2026-11-24T10:00:00Z", "2026-11-01T10:00:00Z", "2027-01-01T10:00:00Z", "2026-11-20T10:00:00Z")
    info = {"tooOldLogEventEndIndex": 1, "expiredLogEventEndIndex": 2, "tooNewLogEventStartIndex": 3}
    with pytest.raises(PartialError) as raised:
        output.read_answer(Answer(200, {}, json.dumps({"rejectedLogEventsInfo": info}).encode()), events)
    assert {place: type(error) for place, error in raised.value.errors.items()} == dict.fromkeys(
        (1, 3, 2), PermanentError
    )


@pytest.mark.parametrize(("stream", "made"), [("", True), ("ours", False)])
async def test_a_stream_of_no_name_is_made_once_and_any_other_never(opened: Opened, stream: str, made: bool) -> None:
    exists = Answer(400, {}, b'{"__type":"ResourceAlreadyExistsException","message":"there"}')
    settings = {"logstream": stream, "checkidentity": False}
    async with opened(AwsCloudwatchlogs, always(exists), **settings) as (_, server):
        targets = [request.headers["x-amz-target"] for request, _ in server.requests]
    assert targets == (["Logs_20140328.CreateLogStream"] if made else [])


async def test_a_group_that_is_not_there_is_a_wrong_setting(opened: Opened) -> None:
    body = b'{"__type":"ResourceNotFoundException","message":"The specified log group does not exist."}'
    with pytest.raises(MisconfiguredError, match="log group does not exist"):
        async with opened(AwsCloudwatchlogs, always(Answer(400, {}, body)), checkidentity=False):
            pass


async def test_a_function_that_fails_on_an_alert_leaves_a_dead_letter(opened: Opened) -> None:
    answer = Answer(200, {"x-amz-function-error": "Unhandled"}, b'{"errorMessage":"no such key"}')
    async with opened(AwsLambda, always(answer), checkidentity=False) as (output, _):
        with pytest.raises(PermanentError, match=r"the function failed \(Unhandled\): .*no such key"):
            await output.send([alert()])


async def test_a_function_is_called_by_its_arn(opened: Opened) -> None:
    name = "arn:aws:lambda:eu-west-1:123456789012:function:falco:prod"
    async with opened(AwsLambda, functionname=name, checkidentity=False, invocationtype="Event") as (output, server):
        await output.send([alert()])
    ((request, _),) = server.requests
    # As it was signed: with every escape in its place.
    escaped = "arn%3Aaws%3Alambda%3Aeu-west-1%3A123456789012%3Afunction%3Afalco%3Aprod"
    assert request.url == f"/2015-03-31/functions/{escaped}/invocations"
    assert request.headers["x-amz-invocation-type"] == "Event"


CODES = [
    (400, "ThrottlingException", RetryableError),
    (400, "com.amazonaws.sqs#RequestThrottled", RetryableError),
    (400, "ProvisionedThroughputExceededException", RetryableError),
    (400, "LimitExceededException", RetryableError),
    (500, "InternalFailure", RetryableError),
    (400, "UnrecognizedClientException", MisconfiguredError),
    (400, "AccessDeniedException", MisconfiguredError),
    (400, "com.amazonaws.sqs#QueueDoesNotExist", MisconfiguredError),
    (400, "ResourceNotFoundException", MisconfiguredError),
    (400, "ExpiredTokenException", MisconfiguredError),
    (400, "InvalidSignatureException", MisconfiguredError),
    (400, "KMSAccessDeniedException", MisconfiguredError),
    (400, "ValidationException", PermanentError),
    (400, "BatchRequestTooLong", PermanentError),
    (413, "RequestTooLargeException", PermanentError),
]


@pytest.mark.parametrize("form", ["json", "xml", "header"])
@pytest.mark.parametrize(("status", "code", "error"), CODES, ids=[code for _, code, _ in CODES])
def test_a_code_says_whose_fault_an_error_is(status: int, code: str, error: type[Exception], form: str) -> None:
    name = code.rpartition("#")[2]
    answers = {
        "json": Answer(status, {}, json.dumps({"__type": code, "message": "m"}).encode()),
        "xml": Answer(status, {}, f"<ErrorResponse><Error><Code>{name}</Code></Error></ErrorResponse>".encode()),
        "header": Answer(status, {"x-amzn-errortype": f"{name}:http://x"}, b"m"),
    }
    with pytest.raises(error) as raised:
        built(AwsKinesis).read_answer(answers[form], [alert()])
    assert type(raised.value) is error
