"""What happens to an alert between decoding and the journal, and which outputs want it."""

from sidekick.pipeline.enrich import Enrichment
from sidekick.pipeline.route import Reason, Route
from sidekick.pipeline.silence import ConfiguredError, Silence, Silences, SilencesError, SilenceSettings

__all__ = [
    "ConfiguredError",
    "Enrichment",
    "Reason",
    "Route",
    "Silence",
    "SilenceSettings",
    "Silences",
    "SilencesError",
]
