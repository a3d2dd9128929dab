"""The only thing that an output may import."""

from sidekick.event import Event, NumberLiteral, Priority, encode_json
from sidekick.sdk.errors import DeliveryError, MisconfiguredError, PartialError, PermanentError, RetryableError
from sidekick.sdk.http import JSON, Answer, Request, shown, verdict
from sidekick.sdk.output import BatchLimits, Context, HttpOutput, Output
from sidekick.sdk.settings import (
    NO_SECRET,
    Batch,
    CommaList,
    Duration,
    Flag,
    HttpSettings,
    MinimumPriority,
    OutputSettings,
    Retry,
    Secret,
    Settings,
    Size,
    Text,
    TextMap,
    WordList,
)

__all__ = [
    "JSON",
    "NO_SECRET",
    "Answer",
    "Batch",
    "BatchLimits",
    "CommaList",
    "Context",
    "DeliveryError",
    "Duration",
    "Event",
    "Flag",
    "HttpOutput",
    "HttpSettings",
    "MinimumPriority",
    "MisconfiguredError",
    "NumberLiteral",
    "Output",
    "OutputSettings",
    "PartialError",
    "PermanentError",
    "Priority",
    "Request",
    "Retry",
    "RetryableError",
    "Secret",
    "Settings",
    "Size",
    "Text",
    "TextMap",
    "WordList",
    "encode_json",
    "shown",
    "verdict",
]
