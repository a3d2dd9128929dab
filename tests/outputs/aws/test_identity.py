"""Who signs: a static key, the usual chain, a role; and where requests go."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest

from outputs.aws_kinesis import AwsKinesis
from outputs.aws_sns import AwsSns
from outputs.aws_sqs import AwsSqs
from sidekick.sdk import Answer, Context, MisconfiguredError, Request, RetryableError
from sidekick.sdk.aws import AwsOutput
from sidekick.sdk.testing import Fault, Script, always
from tests.outputs.alerts import alert
from tests.outputs.aws.conftest import KEYS, Opened

ROLE = "arn:aws:iam::123456789012:role/falco"
IDENTITY = b"<GetCallerIdentityResponse/>"
LENT = (
    b"<R><Credentials><AccessKeyId>A</AccessKeyId><SecretAccessKey>lent-secret</SecretAccessKey>"
    b"<SessionToken>t</SessionToken><Expiration>2026-11-24T12:00:00Z</Expiration></Credentials></R>"
)
RECORDS = b'{"Records":[{"SequenceNumber":"1"}]}'


@pytest.fixture(autouse=True)
def _nothing_in_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


def signed_by(request: Request) -> tuple[str, str, str]:
    """Key, region and service of a signature."""
    found = re.search(r"Credential=([^/]+)/\d{8}/([^/]+)/([^/]+)/", request.headers["authorization"])
    assert found
    return found[1], found[2], found[3]


def sts(lasting: Iterator[int]) -> Script:
    """Lends roles that last so many seconds, each under a key of its own, and takes all records."""
    count = 0

    def answer(request: Request) -> Answer:
        nonlocal count
        if b"AssumeRole" not in request.body:
            return Answer(200, {}, RECORDS if b"Records" in request.body else IDENTITY)
        count += 1
        ends = datetime.now(UTC) + timedelta(seconds=next(lasting))
        values = {"AccessKeyId": f"ROLE{count}", "SecretAccessKey": "s", "SessionToken": "tok+/="}
        values["Expiration"] = ends.strftime("%Y-%m-%dT%H:%M:%SZ")
        inner = "".join(f"<{name}>{value}</{name}>" for name, value in values.items())
        xmlns = 'xmlns="https://sts.amazonaws.com/doc/2011-06-15/"'
        return Answer(200, {}, f"<R {xmlns}><X><Credentials>{inner}</Credentials></X></R>".encode())

    return answer


async def test_a_static_key_signs_and_aws_is_asked_whose_it_is(opened: Opened) -> None:
    async with opened(AwsKinesis, always(Answer(200, {}, RECORDS))) as (output, server):
        await output.send([alert()])
    (asked, _), (sent, _) = server.requests
    assert parse_qs(asked.body.decode()) == {"Action": ["GetCallerIdentity"], "Version": ["2011-06-15"]}
    assert signed_by(asked) == ("AKIDEXAMPLE", "eu-west-1", "sts")
    assert signed_by(sent) == ("AKIDEXAMPLE", "eu-west-1", "kinesis")
    assert "x-amz-security-token" not in sent.headers


async def test_nobody_is_asked_where_it_is_switched_off(opened: Opened) -> None:
    async with opened(AwsKinesis, checkidentity=False) as (_, server):
        assert server.requests == []


async def test_a_key_that_aws_does_not_know_is_a_wrong_setting(opened: Opened) -> None:
    body = b"<ErrorResponse><Error><Code>InvalidClientTokenId</Code><Message>no</Message></Error></ErrorResponse>"
    with pytest.raises(MisconfiguredError, match="InvalidClientTokenId"):
        async with opened(AwsKinesis, always(Answer(403, {}, body))):
            pass


async def test_an_answer_about_a_signature_is_not_shown_for_it_repeats_the_token(opened: Opened) -> None:
    body = b"<Error><Code>SignatureDoesNotMatch</Code><Message>x-amz-security-token:FQoGZXIv</Message></Error>"
    with pytest.raises(MisconfiguredError) as raised:
        async with opened(AwsKinesis, always(Answer(403, {}, body))):
            pass
    assert str(raised.value) == "HTTP 403: SignatureDoesNotMatch"


async def test_a_role_is_assumed_with_its_external_id_and_kept_while_it_lasts(opened: Opened) -> None:
    async with opened(AwsKinesis, sts(iter([3600])), rolearn=ROLE, externalid="ours") as (output, server):
        await output.send([alert()])
        await output.send([alert()])
    assumed, asked, *sent = [request for request, _ in server.requests]
    fields = {name: value for name, (value,) in parse_qs(assumed.body.decode()).items()}
    assert (fields["Action"], fields["RoleArn"], fields["ExternalId"]) == ("AssumeRole", ROLE, "ours")
    assert signed_by(assumed) == ("AKIDEXAMPLE", "eu-west-1", "sts")
    assert [signed_by(request) for request in (asked, *sent)] == [
        ("ROLE1", "eu-west-1", "sts"),
        ("ROLE1", "eu-west-1", "kinesis"),
        ("ROLE1", "eu-west-1", "kinesis"),
    ]
    assert sent[0].headers["x-amz-security-token"] == "tok+/="


async def test_a_role_that_is_about_to_end_is_renewed(opened: Opened) -> None:
    async with opened(AwsKinesis, sts(iter([60, 3600])), rolearn=ROLE, checkidentity=False) as (output, server):
        await output.send([alert()])
    assert [signed_by(request)[0] for request, _ in server.requests] == ["AKIDEXAMPLE", "AKIDEXAMPLE", "ROLE2"]


@pytest.mark.parametrize(
    ("outcome", "error"),
    [
        (Answer(403, {}, b"<Error><Code>AccessDenied</Code></Error>"), MisconfiguredError),
        (Answer(400, {}, b"<Error><Code>Throttling</Code></Error>"), RetryableError),
        (Answer(200, {}, b"<html>"), RetryableError),
        (Answer(200, {}, b"<R/>"), RetryableError),
        (Answer(200, {}, LENT.replace(b"2026-", b"soon")), RetryableError),
        (Answer(200, {}, LENT[:-10]), RetryableError),
        (Answer(200, {}, b'<?xml version="1.0" encoding="none"?>' + LENT), RetryableError),
        (Fault.CUT, RetryableError),
    ],
)
async def test_a_role_that_is_not_lent_keeps_the_alerts(
    opened: Opened, outcome: Answer | Fault, error: type[Exception]
) -> None:
    with pytest.raises(RetryableError) as raised:
        async with opened(AwsKinesis, always(outcome), rolearn=ROLE):
            pass
    assert type(raised.value) is error
    assert "lent-secret" not in str(raised.value)


async def test_the_usual_chain_gives_key_and_region(
    opened: Opened, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "credentials").write_text(
        "[ours]\naws_access_key_id = PROFILE\naws_secret_access_key = s\naws_session_token = t\n"
    )
    (tmp_path / "config").write_text("[profile ours]\nregion = ap-south-1\n")
    monkeypatch.setenv("AWS_PROFILE", "ours")
    nothing: dict[str, Any] = dict.fromkeys(KEYS, "")
    async with opened(AwsKinesis, always(Answer(200, {}, RECORDS)), **nothing) as (output, server):
        await output.send([alert()])
    assert [signed_by(request) for request, _ in server.requests] == [
        ("PROFILE", "ap-south-1", "sts"),
        ("PROFILE", "ap-south-1", "kinesis"),
    ]
    assert server.requests[-1][0].headers["x-amz-security-token"] == "t"


async def test_credentials_of_a_container_are_renewed_as_they_end(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ECS and EKS lend short ones at an address of their own; here each is near its end."""
    asked = 0

    def answer(request: Request) -> Answer:
        nonlocal asked
        if request.url != "/credentials":
            return Answer(200, {}, RECORDS)
        asked += 1
        ends = (datetime.now(UTC) + timedelta(seconds=60)).strftime("%Y-%m-%dT%H:%M:%SZ")
        lent = {"AccessKeyId": f"TASK{asked}", "SecretAccessKey": "s", "Token": "t", "Expiration": ends}
        return Answer(200, {}, json.dumps(lent).encode())

    async with opened(AwsKinesis, answer) as (_, elsewhere):
        monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{elsewhere.url}/credentials")
        settings = {"accesskeyid": "", "checkidentity": False}
        async with opened(AwsKinesis, always(Answer(200, {}, RECORDS)), **settings) as (output, server):
            await output.send([alert()])
            await output.send([alert()])
    keys = [signed_by(request)[0] for request, _ in server.requests]
    assert len(set(keys)) == 2


@pytest.mark.parametrize(("missing", "hint"), [("accesskeyid", "aws.accesskeyid"), ("region", "aws.region")])
async def test_what_nobody_says_is_asked_for(opened: Opened, missing: str, hint: str) -> None:
    with pytest.raises(MisconfiguredError, match=hint):
        async with opened(AwsKinesis, **{missing: ""}):
            pass


async def test_a_profile_that_is_not_there_is_a_wrong_setting(opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(MisconfiguredError, match="nobody"):
        async with opened(AwsKinesis, accesskeyid=""):
            pass


QUEUES = "https://sqs.us-east-2.amazonaws.com/123456789012/falco"


@pytest.mark.parametrize(
    ("kind", "settings", "environ", "url"),
    [
        (AwsKinesis, {}, {}, "https://kinesis.eu-west-1.amazonaws.com/"),
        (AwsKinesis, {"region": "cn-north-1"}, {}, "https://kinesis.cn-north-1.amazonaws.com.cn/"),
        (AwsKinesis, {"endpoint": "https://vpce.example.com/"}, {}, "https://vpce.example.com/"),
        (AwsKinesis, {"endpoint": "http://a"}, {"AWS_ENDPOINT_URL": "http://b"}, "http://a/"),
        (AwsKinesis, {}, {"AWS_ENDPOINT_URL": "http://b/"}, "http://b/"),
        (AwsKinesis, {}, {"AWS_ENDPOINT_URL": "http://b", "AWS_ENDPOINT_URL_KINESIS": "http://c"}, "http://c/"),
        (AwsSqs, {"url": QUEUES}, {}, "https://sqs.us-east-2.amazonaws.com/"),
        (AwsSqs, {"url": "http://localhost:4566/000000000000/falco"}, {}, "http://localhost:4566/"),
        (AwsSqs, {"url": QUEUES}, {"AWS_ENDPOINT_URL_SQS": "http://c"}, "http://c/"),
        (AwsSns, {"topicarn": "arn:aws:sns:us-east-2:1:t"}, {}, "https://sns.us-east-2.amazonaws.com/"),
    ],
)
def test_where_requests_go(
    kind: type[AwsOutput[Any]],
    settings: dict[str, Any],
    environ: dict[str, str],
    url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    output = kind(kind.Settings.model_validate({**kind.example, **KEYS, **settings}), Context())
    assert output.encode([alert()]).url == url


@pytest.mark.parametrize(
    ("kind", "settings", "region"),
    [
        (AwsSqs, {"url": QUEUES}, "us-east-2"),
        (AwsSqs, {"url": "https://us-gov-west-1.queue.amazonaws.com/1/q"}, "us-gov-west-1"),
        (AwsSqs, {"url": "https://vpce-0a1-b.sqs.eu-north-1.vpce.amazonaws.com/1/q"}, "eu-north-1"),
        (AwsSqs, {"url": "http://localhost:4566/1/eu-north-1"}, "eu-west-1"),
        (AwsSns, {"topicarn": "arn:aws-cn:sns:cn-north-1:1:t"}, "cn-north-1"),
    ],
)
def test_a_queue_and_a_topic_know_their_region(kind: type[AwsOutput[Any]], settings: Any, region: str) -> None:
    assert kind(kind.Settings.model_validate({**kind.example, **KEYS, **settings}), Context()).region == region
