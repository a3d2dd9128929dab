"""Google Cloud Functions (1st generation): each alert to a function, by its name. For later ones see `gcp.cloudrun`."""

from collections.abc import Sequence

import msgspec

from sidekick.sdk import Answer, Event, PermanentError, Request, Text, verdict
from sidekick.sdk.body import read_json
from sidekick.sdk.gcp import GoogleOutput, GoogleSettings


class CloudFunctionsSettings(GoogleSettings):
    """Keys of `gcp.cloudfunctions`."""

    name: Text = ""
    """Function to call, as projects/PROJECT/locations/REGION/functions/NAME. Google means this for tests, and lets
    few calls through; the rest waits."""


class _Called(msgspec.Struct):
    error: str = ""


class CloudFunctions(GoogleOutput[CloudFunctionsSettings]):
    Settings = CloudFunctionsSettings
    title = "GCPCloudFunctions"
    category = "faas"
    website = "https://cloud.google.com/functions"
    requires = ("name",)
    example = {"name": "projects/PROJECT/locations/europe-west1/functions/falco"}

    def encode(self, events: Sequence[Event]) -> Request:
        base = self.settings.endpoint.rstrip("/") or "https://cloudfunctions.googleapis.com"
        return Request.json(f"{base}/v1/{self.settings.name.strip('/')}:call", {"data": events[0].json.decode()})

    def read_answer(self, answer: Answer, events: Sequence[Event]) -> None:
        verdict(answer)
        if error := read_json(answer.body, _Called).error:
            raise PermanentError(f"the function failed: {error[:300]}")
