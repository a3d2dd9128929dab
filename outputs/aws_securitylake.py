"""Amazon Security Lake: alerts as OCSF findings in Parquet objects of a custom source, by the day of each alert.

What waits for an object to be full or due waits in the journal, so nothing is lost with the process.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import groupby
from typing import Annotated

from pydantic import AfterValidator, Field

from outputs._ocsf import parquet
from outputs._s3 import bucket_url, checksum, put_object
from sidekick.sdk import BatchLimits, Event, Request, Text
from sidekick.sdk.aws import AwsOutput, AwsOutputSettings
from sidekick.sdk.objects import Packed

_LAST_SECOND = 253_402_300_799  # of the year 9999
_ACCESS = {"X-Amz-Acl": "bucket-owner-full-control"}


def _bounded(minutes: int) -> int:
    return min(max(minutes, 5), 60)


class SecuritylakeSettings(AwsOutputSettings):
    """Keys of `aws.securitylake`."""

    bucket: Text = ""
    """Bucket of the lake."""
    prefix: Text = ""
    """Folder of the custom source, such as ext/falco."""
    accountid: Text = ""
    """AWS account that the alerts belong to."""
    interval: Annotated[int, AfterValidator(_bounded)] = 5
    """Minutes until an object is written, 5 to 60."""
    batchsize: int = Field(default=1000, ge=1)
    """Alerts in one object; when so many wait, it is written at once."""


class AwsSecuritylake(AwsOutput[SecuritylakeSettings]):
    Settings = SecuritylakeSettings
    service = "s3"
    title = "AWSSecurityLake"
    category = "other"
    website = "https://aws.amazon.com/security-lake"
    requires = ("bucket", "region", "accountid", "prefix")
    example = {
        "bucket": "aws-security-data-lake-eu-west-1-abc",
        "region": "eu-west-1",
        "accountid": "123456789012",
        "prefix": "ext/falco",
    }
    arrives = "A row of an object in Parquet: an OCSF finding, with the alert's JSON as its `raw_data`."
    # As `batchsize` and `interval` are by default.
    limits = BatchLimits(count=1000, bytes=16 << 20, linger=300.0)
    extra = "securitylake"
    whole = True

    @property
    def batch(self) -> BatchLimits:
        settings = self.settings
        limits = BatchLimits(settings.batchsize, self.limits.bytes, settings.interval * 60.0)
        return limits.narrowed(settings.batch)

    async def connect(self) -> None:
        parquet([])  # says at the start which extra is missing
        await super().connect()

    async def send(self, events: Sequence[Event]) -> None:
        # An object that is written again replaces itself, so the days before one that fails may go again.
        for _, found in groupby(sorted(events, key=_day), key=_day):
            await super().send([*found])

    def encode(self, events: Sequence[Event]) -> Request:
        settings = self.settings
        first, last = events[0], events[-1]
        folder = f"{settings.prefix.strip('/')}/region={settings.region}/accountId={settings.accountid}"
        name = f"{folder}/eventDay={_day(first)}/{first.uuid}-{last.uuid}-{len(events)}.parquet"
        packed = Packed(name, parquet(events), "application/vnd.apache.parquet")
        bucket = bucket_url(self.endpoint, settings.bucket, in_path=False)
        return put_object(bucket, packed, checksum(packed.body) | _ACCESS)


def _day(event: Event) -> str:
    seconds = max(0, event.timestamp_ns // 1_000_000_000)
    return f"{datetime.fromtimestamp(min(seconds, _LAST_SECOND), UTC):%Y%m%d}"
