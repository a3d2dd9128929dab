"""AWS Lambda: one invocation an alert, whose payload is its JSON. It takes the permission lambda:InvokeFunction."""

from collections.abc import Sequence
from typing import Literal
from urllib.parse import quote

from sidekick.sdk import Answer, Event, PermanentError, Request, Text, shown
from sidekick.sdk.aws import AwsOutput, AwsOutputSettings


class LambdaSettings(AwsOutputSettings):
    """Keys of `aws.lambda`."""

    functionname: Text = ""
    """Name or ARN of the function, with a version or an alias after a colon if need be."""
    invocationtype: Literal["RequestResponse", "Event", "DryRun"] = "RequestResponse"
    """RequestResponse waits for the function's end, so one that takes longer than `timeout` is called again, and one
    that fails makes a dead letter of its alert; Event leaves the alert in Lambda's own queue; DryRun only asks whether
    the call would be allowed."""
    logtype: Literal["Tail", "None"] = "Tail"
    """Tail has the end of the function's log sent back; None does not."""


class AwsLambda(AwsOutput[LambdaSettings]):
    Settings = LambdaSettings
    service = "lambda"
    title = "AWSLambda"
    category = "faas"
    website = "https://aws.amazon.com/lambda"
    requires = ("functionname",)
    example = {"functionname": "falco-alert", "region": "eu-west-1"}

    def encode(self, events: Sequence[Event]) -> Request:
        settings = self.settings
        path = f"/2015-03-31/functions/{quote(settings.functionname, safe='')}/invocations"
        headers = {"X-Amz-Invocation-Type": settings.invocationtype, "X-Amz-Log-Type": settings.logtype}
        return Request(f"{self.endpoint}{path}", events[0].json, headers)

    def read_answer(self, answer: Answer, events: Sequence[Event]) -> None:
        super().read_answer(answer, events)
        if kind := answer.headers.get("x-amz-function-error"):
            raise PermanentError(f"the function failed ({kind}): {shown(answer.body)}")
