"""AWS Signature Version 4: says who sends a request, and that nobody changed it on its way.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from hashlib import sha256
from urllib.parse import SplitResult, quote, unquote, urlsplit

from sidekick.sdk.http import Request

_ALGORITHM = "AWS4-HMAC-SHA256"
_DEFAULT_PORTS = {"http": ":80", "https": ":443"}


@dataclass(frozen=True)
class Credentials:
    """An access key; `token` belongs to keys that end."""

    key_id: str
    secret: str = field(repr=False)
    token: str = field(default="", repr=False)


def sign(request: Request, who: Credentials, region: str, service: str, now: datetime) -> Request:
    """The request with its signature, good for five minutes from `now`; its URL has to be percent-encoded.

    `service` is the name that the signature is made for, such as `sqs`; only S3 (`s3`) encodes paths once.
    """
    moment = f"{now:%Y%m%dT%H%M%SZ}"
    scope = f"{now:%Y%m%d}/{region}/{service}/aws4_request"
    digest = sha256(request.body).hexdigest()
    parts = urlsplit(request.url)
    headers = {**request.headers, "Host": _host(parts), "X-Amz-Date": moment}
    if service == "s3":
        headers["X-Amz-Content-Sha256"] = digest
    if who.token:
        headers["X-Amz-Security-Token"] = who.token
    canonical = {name.lower(): " ".join(value.split()) for name, value in headers.items()}
    names = ";".join(sorted(canonical))
    lines = [request.method.upper(), _path(parts.path, service), _query(parts.query), _lines(canonical), names, digest]
    text = "\n".join((_ALGORITHM, moment, scope, sha256("\n".join(lines).encode()).hexdigest()))
    signature = hmac.digest(_key(who.secret, scope), text.encode(), "sha256").hex()
    headers["Authorization"] = (
        f"{_ALGORITHM} Credential={who.key_id}/{scope}, SignedHeaders={names}, Signature={signature}"
    )
    return replace(request, headers=headers, exact=True)


def _key(secret: str, scope: str) -> bytes:
    key = f"AWS4{secret}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key


def _host(parts: SplitResult) -> str:
    """What stands in the Host header: no user, and no port that goes without saying."""
    return parts.netloc.rpartition("@")[2].removesuffix(_DEFAULT_PORTS.get(parts.scheme, ""))


def _path(path: str, service: str) -> str:
    if service == "s3":
        return "/".join(map(_encoded, path.split("/"))) or "/"
    return quote(path, safe="/") or "/"


def _query(query: str) -> str:
    pairs = [pair.partition("=") for pair in query.split("&") if pair]
    encoded = sorted((_encoded(name), _encoded(value)) for name, _, value in pairs)
    return "&".join(f"{name}={value}" for name, value in encoded)


def _encoded(text: str) -> str:
    return quote(unquote(text), safe="")


def _lines(headers: Mapping[str, str]) -> str:
    return "".join(f"{name}:{headers[name]}\n" for name in sorted(headers))
