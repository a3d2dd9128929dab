"""OpenSearch as a new and empty server: it speaks as Elasticsearch does."""

from tests.receivers.elasticsearch import accept

__all__ = ["accept"]
