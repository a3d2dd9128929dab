"""AWS STS, which says who a key belongs to and lends roles."""

from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import urlencode

from sidekick.sdk.aws.answer import check, read_xml
from sidekick.sdk.aws.signature import Credentials
from sidekick.sdk.errors import RetryableError
from sidekick.sdk.http import Answer, Request

_VERSION = "2011-06-15"
FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True)
class StsRequest(Request):
    """A question to STS, asked by `caller`."""

    caller: Credentials = field(kw_only=True)


@dataclass(frozen=True)
class Role:
    """A role that is ours until `ends`, seconds since 1970."""

    credentials: Credentials
    ends: float


def who_am_i(endpoint: str, caller: Credentials) -> StsRequest:
    """https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html (needs no permission)"""
    return _request(endpoint, caller, Action="GetCallerIdentity")


def assume_role(endpoint: str, caller: Credentials, role: str, external_id: str) -> StsRequest:
    """https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html

    For an hour, which is what each role grants and the most where a role assumes another.
    """
    more = {"ExternalId": external_id} if external_id else {}
    return _request(endpoint, caller, Action="AssumeRole", RoleArn=role, RoleSessionName="sidekick", **more)


def read_role(answer: Answer) -> Role:
    """What `assume_role` was answered."""
    check(answer)
    names = ("AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration")
    found = read_xml(answer).find(".//{*}Credentials")
    texts = [found.findtext(f"{{*}}{name}", "") if found is not None else "" for name in names]
    try:
        ends = datetime.fromisoformat(texts[3]).timestamp()
    except ValueError:
        ends = 0.0
    if not (ends and all(texts)):
        raise RetryableError("AWS STS lent no role")
    return Role(Credentials(*texts[:3]), ends)


def _request(endpoint: str, caller: Credentials, **fields: str) -> StsRequest:
    body = urlencode({**fields, "Version": _VERSION}).encode()
    return StsRequest(f"{endpoint}/", body, {"Content-Type": FORM}, caller=caller)
