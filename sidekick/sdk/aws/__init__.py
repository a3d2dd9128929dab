"""What outputs to AWS, and to those who speak its protocols, have in common."""

from sidekick.sdk.aws.answer import check, read_xml, refusal
from sidekick.sdk.aws.output import AwsOutput, AwsOutputSettings, SignedOutput
from sidekick.sdk.aws.signature import Credentials, sign
from sidekick.sdk.aws.sts import FORM

__all__ = [
    "FORM",
    "AwsOutput",
    "AwsOutputSettings",
    "Credentials",
    "SignedOutput",
    "check",
    "read_xml",
    "refusal",
    "sign",
]
