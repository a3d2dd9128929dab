"""Google Cloud Pub/Sub: each alert as a message of a topic, many in one request."""

import base64
from collections.abc import Sequence
from typing import Any

import msgspec

from sidekick.sdk import Answer, BatchLimits, Event, Request, RetryableError, Text, TextMap, verdict
from sidekick.sdk.body import read_json
from sidekick.sdk.gcp import GoogleOutput, GoogleSettings


class PubSubSettings(GoogleSettings):
    """Keys of `gcp.pubsub`."""

    projectid: Text = ""
    """Project of the topic."""
    topic: Text = ""
    """Topic that takes the alerts."""
    customattributes: TextMap = {}
    """Attributes of every message."""


class _Published(msgspec.Struct):
    message_ids: list[str] = msgspec.field(default=[], name="messageIds")


class PubSub(GoogleOutput[PubSubSettings]):
    Settings = PubSubSettings
    title = "GCPPubSub"
    category = "queue"
    website = "https://cloud.google.com/pubsub"
    requires = ("projectid", "topic")
    example = {"projectid": "PROJECT", "topic": "falco"}
    # A request holds 1,000 messages and 10 MB (https://cloud.google.com/pubsub/quotas), of which base64 takes a third.
    limits = BatchLimits(count=1000, bytes=7_000_000, linger=0.05)

    def encode(self, events: Sequence[Event]) -> Request:
        keys = self.settings
        attributes = {"attributes": keys.customattributes} if keys.customattributes else {}
        messages: list[Any] = [{"data": base64.b64encode(event.json).decode()} | attributes for event in events]
        base = keys.endpoint.rstrip("/") or "https://pubsub.googleapis.com"
        url = f"{base}/v1/projects/{keys.projectid}/topics/{keys.topic}:publish"
        return Request.json(url, {"messages": messages})

    def read_answer(self, answer: Answer, events: Sequence[Event]) -> None:
        verdict(answer)
        if (taken := len(read_json(answer.body, _Published).message_ids)) != len(events):
            raise RetryableError(f"{taken} ids for {len(events)} messages")
