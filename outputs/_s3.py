"""The protocol of S3, which Yandex Object Storage speaks too."""

import base64
import zlib
from collections.abc import Mapping
from ipaddress import ip_address
from urllib.parse import quote, urlsplit

from sidekick.sdk import Request
from sidekick.sdk.objects import Packed

_CHECKSUM = "X-Amz-Checksum-Crc32"


def put_object(bucket: str, packed: Packed, headers: Mapping[str, str]) -> Request:
    """`bucket` is its URL, without a slash at its end."""
    return Request(
        f"{bucket}/{quote(packed.name, safe='/')}", packed.body, {"Content-Type": packed.media_type, **headers}, "PUT"
    )


def bucket_url(endpoint: str, bucket: str, *, in_path: bool) -> str:
    """The bucket in the path, or in the host's name where that can be: not before an address, and no name with dots,
    which no certificate covers."""
    parts = urlsplit(endpoint)
    if in_path or "." in bucket or _is_address(parts.hostname or ""):
        return f"{endpoint}/{bucket}"
    return f"{parts.scheme}://{bucket}.{parts.netloc}{parts.path}"


def checksum(body: bytes) -> dict[str, str]:
    """What a bucket under Object Lock asks for."""
    digest = base64.b64encode(zlib.crc32(body).to_bytes(4, "big")).decode()
    return {"X-Amz-Sdk-Checksum-Algorithm": "CRC32", _CHECKSUM: digest}


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
