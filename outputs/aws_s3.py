"""Amazon S3: alerts as gzipped objects of a bucket, by day and hour; MinIO and others with `endpoint`.
It takes the permission s3:PutObject, and s3:PutObjectAcl unless `objectcannedacl` is empty.
"""

from collections.abc import Sequence

from outputs._s3 import bucket_url, checksum, put_object
from sidekick.sdk import BatchLimits, Event, Flag, Request, Text, objects
from sidekick.sdk.aws import AwsOutput, AwsOutputSettings


class S3Settings(objects.ObjectSettings, AwsOutputSettings):
    """Keys of `aws.s3`."""

    bucket: Text = ""
    """Name of the bucket."""
    prefix: Text = "falco"
    """What every object's name begins with, and a slash."""
    objectcannedacl: Text = "bucket-owner-full-control"
    """Canned ACL of the objects; empty: none."""
    pathstyle: Flag = False
    """Put the bucket in the URL's path, and not in the host's name, as MinIO behind one name wants it. Always so where
    `endpoint` is an IP address."""


class AwsS3(AwsOutput[S3Settings]):
    Settings = S3Settings
    service = "s3"
    title = "AWSS3"
    category = "object storage"
    website = "https://aws.amazon.com/s3"
    requires = ("bucket",)
    example = {"bucket": "falco-alerts", "region": "eu-west-1"}
    limits = objects.LIMITS
    whole = True

    @property
    def batch(self) -> BatchLimits:
        return objects.limits(self.settings, super().batch)

    def encode(self, events: Sequence[Event]) -> Request:
        settings = self.settings
        packed = objects.pack(events, settings.prefix, settings)
        access = {"X-Amz-Acl": settings.objectcannedacl} if settings.objectcannedacl else {}
        bucket = bucket_url(self.endpoint, settings.bucket, in_path=settings.pathstyle)
        return put_object(bucket, packed, checksum(packed.body) | access)
