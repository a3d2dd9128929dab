"""Objects in S3 and in what speaks its protocol: where they go, and that they are what was sent."""

import asyncio
import base64
import zlib
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest

from outputs.aws_s3 import AwsS3
from outputs.yandex_s3 import YandexS3
from sidekick.sdk import Answer, Context, MisconfiguredError, Request
from sidekick.sdk.testing import always
from tests.outputs.alerts import alert
from tests.outputs.aws.conftest import KEYS, Opened
from tests.services.moto import Moto


def built(kind: type[AwsS3] | type[YandexS3], **settings: Any) -> Any:
    return kind(kind.Settings.model_validate({**kind.example, **KEYS, **settings}), Context())


def sent(kind: type[AwsS3] | type[YandexS3], **settings: Any) -> Request:
    return built(kind, **settings).encode([alert()])


@pytest.mark.parametrize(
    ("settings", "begin"),
    [
        ({}, "https://falco-alerts.s3.eu-west-1.amazonaws.com/falco/2026-11-24/10/"),
        ({"prefix": "a b/c="}, "https://falco-alerts.s3.eu-west-1.amazonaws.com/a%20b/c%3D/2026-11-24/10/"),
        ({"prefix": ""}, "https://falco-alerts.s3.eu-west-1.amazonaws.com/2026-11-24/10/"),
        ({"bucket": "with.dots"}, "https://s3.eu-west-1.amazonaws.com/with.dots/falco/"),
        ({"endpoint": "http://minio:9000"}, "http://falco-alerts.minio:9000/falco/"),
        ({"endpoint": "http://minio:9000", "pathstyle": True}, "http://minio:9000/falco-alerts/falco/"),
        ({"endpoint": "http://192.0.2.1:9000/"}, "http://192.0.2.1:9000/falco-alerts/falco/"),
        ({"endpoint": "http://[2001:db8::1]"}, "http://[2001:db8::1]/falco-alerts/falco/"),
    ],
)
def test_where_an_object_goes(settings: dict[str, Any], begin: str) -> None:
    assert sent(AwsS3, **settings).url.startswith(begin)


def test_yandex_has_its_buckets_in_the_path() -> None:
    assert sent(YandexS3).url.startswith("https://storage.yandexcloud.net/falco-alerts/falco/2026-11-24/10/")


def test_an_object_carries_its_acl_and_its_checksum() -> None:
    request = sent(AwsS3)
    checksum = int.from_bytes(base64.b64decode(request.headers["X-Amz-Checksum-Crc32"]), "big")
    assert checksum == zlib.crc32(request.body)
    assert request.headers["X-Amz-Acl"] == "bucket-owner-full-control"
    assert "X-Amz-Acl" not in sent(AwsS3, objectcannedacl="").headers
    assert request.method == "PUT"


@pytest.mark.parametrize("kind", [AwsS3, YandexS3])
async def test_odd_prefixes_and_both_layouts_are_stored_as_they_are_named(
    kind: type[AwsS3] | type[YandexS3], moto: Moto
) -> None:
    bucket, events = await asyncio.to_thread(moto.bucket), [alert(), alert()]
    prefix = "a b/c=d/é+'(x)*&"
    urls: list[str] = []
    for layout in ("batch", "single"):
        output = built(kind, **moto.settings, bucket=bucket, prefix=prefix, layout=layout)
        parts = [events] if layout == "batch" else [[event] for event in events]
        try:
            for part in parts:
                urls.append(output.encode(part).url)
                await output.send(part)
        finally:
            await output.close()
    objects = await asyncio.to_thread(moto.objects, bucket)
    assert set(objects) == {unquote(urlsplit(url).path).removeprefix(f"/{bucket}/") for url in urls}
    assert sorted(objects.values()) == sorted([b"".join(e.json + b"\n" for e in events), *(e.json for e in events)])


@pytest.mark.parametrize(
    ("status", "code"),
    [(403, "AccessDenied"), (404, "NoSuchBucket"), (301, "PermanentRedirect"), (400, "AuthorizationHeaderMalformed")],
)
async def test_a_bucket_that_is_not_ours_keeps_the_alerts(opened: Opened, status: int, code: str) -> None:
    body = f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{code}</Code><Message>m</Message></Error>'
    async with opened(AwsS3, always(Answer(status, {}, body.encode())), checkidentity=False) as (output, _):
        with pytest.raises(MisconfiguredError, match=code):
            await output.send([alert()])


async def test_yandex_needs_a_key() -> None:
    output = built(YandexS3, accesskeyid="")
    with pytest.raises(MisconfiguredError, match="set yandex"):
        await output.connect()
