"""Elasticsearch 7 to 9: alerts in daily indices or a data stream, each under its own id, by `_bulk`."""

from outputs._elasticsearch import Family, FamilySettings
from sidekick.sdk import NO_SECRET, Secret, Text
from sidekick.sdk.auth import authorization


class ElasticsearchSettings(FamilySettings):
    """Keys of `elasticsearch`."""

    apikey: Secret = NO_SECRET
    """API key in its encoded form (base64 of id:key); a user with a password comes before it."""
    type: Text = "_doc"
    """Taken from falcosidekick's files and not used: `_bulk` names no type, and servers since 8 have none."""


class Elasticsearch(Family[ElasticsearchSettings]):
    Settings = ElasticsearchSettings
    title = "Elasticsearch"
    website = "https://www.elastic.co/elasticsearch"
    example = {"hostport": "https://elasticsearch.example.com:9200", "apikey": "aWQ6a2V5"}

    def login(self) -> dict[str, str]:
        return authorization("ApiKey", self.settings.apikey) | super().login()
