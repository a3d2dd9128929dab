"""What outputs to AWS, and to those who speak its protocols, have in common."""

from sidekick.sdk.aws.answer import check, error_code, read_xml, refusal, settle
from sidekick.sdk.aws.output import AwsOutput, AwsOutputSettings, SignedOutput
from sidekick.sdk.aws.signature import Credentials, sign
from sidekick.sdk.aws.sts import FORM
from sidekick.sdk.aws.text import json_text, plain_text

__all__ = [
    "FORM",
    "AwsOutput",
    "AwsOutputSettings",
    "Credentials",
    "SignedOutput",
    "check",
    "error_code",
    "json_text",
    "plain_text",
    "read_xml",
    "refusal",
    "settle",
    "sign",
]
