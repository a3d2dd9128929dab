"""Elasticsearch 7.10.2 and OpenSearch 3.8.0, one node each, without a security module."""

import json
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from tests.services import jars, java
from tests.services.server import Server


class SearchServer(Server):
    """A node with `settings` of its own, as `indexing_pressure.memory.limit="100kb"`."""

    ports = 2  # HTTP and, one above it, transport

    def __init__(self, home: Path, **settings: object) -> None:
        super().__init__(home)
        self.settings = {
            "path.home": home,
            "path.data": home / "data",
            "path.logs": home / "logs",
            "discovery.type": "single-node",
            "network.host": "127.0.0.1",
            "http.port": self.port,
            "transport.port": self.port + 1,
            # A test machine's disk may be nearly full, and the node would then refuse to write.
            "cluster.routing.allocation.disk.threshold_enabled": "false",
        } | settings

    @property
    def url(self) -> str:
        return f"http://{self.address}"

    def answers(self) -> bool:
        """Also waits for the indices of an earlier run to be readable again."""
        return self.ask("GET", "/_cluster/health?wait_for_status=yellow&timeout=30s")["status"] != "red"

    def ask(self, method: str, path: str, body: object = None) -> Any:
        """The decoded answer to one JSON request, whatever its status."""
        return json.loads(self.exchange(method, path, json.dumps(body) if body is not None else None)[1])

    def exchange(self, method: str, path: str, body: str | bytes | None = None) -> tuple[int, bytes]:
        """Status and body of the answer to one request."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=35)
        try:
            connection.request(method, path, body, {"content-type": "application/json"} if body else {})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def documents(self, index: str) -> list[dict[str, Any]]:
        """Every document's `_source` under that name or pattern, in pages of 10,000, the most that a search gives."""
        self.exchange("POST", f"/{index}/_refresh")
        page = self.ask("POST", f"/{index}/_search?scroll=1m", {"size": 10_000, "sort": ["_doc"]})
        found: list[dict[str, Any]] = []
        while hits := page["hits"]["hits"]:
            found += [hit["_source"] for hit in hits]
            page = self.ask("POST", "/_search/scroll", {"scroll": "1m", "scroll_id": page["_scroll_id"]})
        return found

    def _node(self, runtime: str, home: Path) -> list[str]:
        settings = (f"{key}={value}" for key, value in self.settings.items())
        return java.command(runtime, home, "SearchNode", str(home), *settings, heap="512m")


class Elasticsearch(SearchServer):
    """7.10.2, the last version under the Apache License 2.0: no data streams, no `flattened`."""

    def command(self) -> list[str]:
        return self._node(java.java_17(), jars.build("elasticsearch"))


class OpenSearch(SearchServer):
    """3.8.0: data streams and `flat_object`, but no ingest processors and no `_delete_by_query`."""

    def command(self) -> list[str]:
        return self._node(java.JAVA_25, jars.build("opensearch"))
