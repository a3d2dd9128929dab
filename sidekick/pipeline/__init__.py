"""What happens to an alert between decoding and the journal, and which outputs want it."""

from sidekick.pipeline.enrich import Enrichment
from sidekick.pipeline.route import Reason, Route
from sidekick.pipeline.senders import Senders, SendersSettings, SenderState
from sidekick.pipeline.silence import ConfiguredError, Silence, Silences, SilencesError, SilenceSettings

__all__ = [
    "ConfiguredError",
    "Enrichment",
    "Reason",
    "Route",
    "SenderState",
    "Senders",
    "SendersSettings",
    "Silence",
    "SilenceSettings",
    "Silences",
    "SilencesError",
]
