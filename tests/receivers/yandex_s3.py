"""A bucket of moto, for Yandex speaks S3's protocol."""

from tests.receivers.aws_s3 import running

__all__ = ["running"]
