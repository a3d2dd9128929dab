"""OpenSearch: alerts in daily indices or a data stream, each under its own id, by `_bulk`."""

from outputs._elasticsearch import Family, FamilySettings


class OpensearchSettings(FamilySettings):
    """Keys of `opensearch`."""


class Opensearch(Family[OpensearchSettings]):
    Settings = OpensearchSettings
    title = "OpenSearch"
    website = "https://opensearch.org"
    example = {"hostport": "https://opensearch.example.com:9200", "username": "falco", "password": "PASSWORD"}
