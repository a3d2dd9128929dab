"""A stream of moto, for Yandex speaks Kinesis's protocol."""

from tests.receivers.aws_kinesis import accept, running

__all__ = ["accept", "running"]
