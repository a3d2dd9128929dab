"""Signatures: AWS's published vectors, and AWS's own library on requests that nobody has published."""

import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as TheirCredentials
from hypothesis import example, given
from hypothesis import strategies as st

from sidekick.sdk import Request
from sidekick.sdk.aws import Credentials, sign

DOCUMENT = tomllib.loads(Path(__file__).with_name("vectors.toml").read_text())
TEXT = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=20)
# What a header may hold, and botocore does not change on its way to the signature.
VALUE = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=20)


@pytest.mark.parametrize("vector", DOCUMENT["vector"], ids=lambda vector: vector["name"])
def test_a_published_vector(vector: dict[str, Any]) -> None:
    source = DOCUMENT[vector.get("of", "suite")]
    who = Credentials(source["key_id"], source["secret"], vector.get("token", ""))
    body = vector.get("body", "").encode()
    url = f"https://{source['host']}{vector.get('path', '/')}"
    request = Request(url, body, vector.get("headers", {}), vector.get("method", "GET"))
    signed = sign(request, who, "us-east-1", source["service"], source["now"])
    assert signed.headers["Authorization"].endswith(f"Signature={vector['signature']}")
    assert (signed.url, signed.body) == (url, body)


@given(
    # botocore resolves `.`, `..` and `//` before it signs; nobody here asks for such a path.
    path=st.lists(TEXT.filter(lambda part: part.strip(".")), max_size=3).map(
        lambda parts: "/" + "/".join(quote(part, safe="") for part in parts)
    ),
    query=st.dictionaries(TEXT.filter(bool), TEXT, max_size=3),
    values=st.lists(VALUE, max_size=3),
    body=st.binary(max_size=50),
    token=st.sampled_from(["", "token/+="]),
    port=st.sampled_from(["", ":443", ":8443"]),
    service=st.sampled_from(["sqs", "s3"]),
)
@example(path="/a%2Fb", query={}, values=[], body=b"", token="", port="", service="s3")
def test_botocore_signs_the_same(
    path: str, query: dict[str, str], values: list[str], body: bytes, token: str, port: str, service: str
) -> None:
    pairs = "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in query.items())
    url = f"https://host.example.com{port}{path}" + (f"?{pairs}" if pairs else "")
    headers = {f"X-Test-{number}": value for number, value in enumerate(values)}
    theirs = AWSRequest("PUT", url, dict(headers), body)
    kind = S3SigV4Auth if service == "s3" else SigV4Auth
    kind(TheirCredentials("AKID", "secret", token or None), service, "eu-west-1").add_auth(theirs)
    now = datetime.strptime(theirs.context["timestamp"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    ours = sign(Request(url, body, headers, "PUT"), Credentials("AKID", "secret", token), "eu-west-1", service, now)
    assert ours.headers["Authorization"] == theirs.headers["Authorization"]


def test_no_secret_is_printed() -> None:
    who = Credentials("AKID", "not-to-be-seen", "nor-this")
    assert "not-to-be-seen" not in repr(who)
    assert "nor-this" not in repr(who)
