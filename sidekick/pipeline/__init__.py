"""What happens to an alert between decoding and the journal."""

from sidekick.pipeline.enrich import Enrichment

__all__ = ["Enrichment"]
