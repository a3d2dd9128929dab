"""Quickwit: alerts as lines of JSON to an index, which is created on wish."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

import msgspec

from sidekick.sdk import (
    JSON,
    Answer,
    BatchLimits,
    Context,
    Event,
    Flag,
    HttpOutput,
    HttpSettings,
    MisconfiguredError,
    PermanentError,
    Request,
    Text,
    TextMap,
    encode_json,
    shown,
    verdict,
)
from sidekick.sdk.body import json_lines, read_json

_SEARCHED = ("rule", "source", "output", "priority", "hostname", "tags")
_DYNAMIC = {
    "description": "Falco",
    "fast": True,
    "expand_dots": True,
    "indexed": True,
    "record": "basic",
    "stored": True,
    "tokenizer": "raw",
}
_TYPES = {
    "time": "datetime",
    "uuid": "text",
    "hostname": "text",
    "priority": "text",
    "source": "text",
    "output": "text",
    "rule": "text",
    "tags": "array<text>",
    "output_fields": "json",
}


class QuickwitSettings(HttpSettings):
    """Keys of `quickwit`."""

    hostport: Text = ""
    """Base URL, such as http://quickwit:7280."""
    index: Text = "falco"
    """Index that takes the alerts."""
    apiendpoint: Text = "api/v1"
    """Path of the API."""
    version: Text = "0.7"
    """Format of the index definition."""
    autocreateindex: Flag = False
    """Create the index when it is not there."""
    customheaders: TextMap = {}
    """Headers to add; a name of ours is replaced."""


class _Ingestion(msgspec.Struct):
    num_rejected_docs: int | None = None


class Quickwit(HttpOutput[QuickwitSettings]):
    Settings = QuickwitSettings
    title = "Quickwit"
    category = "logs"
    website = "https://quickwit.io"
    requires = ("hostport",)
    example = {"hostport": "http://quickwit:7280"}
    # A request of more than 10 MB is refused: https://quickwit.io/docs/reference/rest-api
    limits = BatchLimits(count=5000, bytes=8 << 20)

    def __init__(self, settings: QuickwitSettings, context: Context) -> None:
        super().__init__(settings, context)
        self._api = f"{settings.hostport.rstrip('/')}/{settings.apiendpoint.strip('/')}"
        self._index = quote(settings.index, safe="")
        self._headers = {"Content-Type": JSON} | settings.customheaders

    async def connect(self) -> None:
        await super().connect()
        if self.settings.autocreateindex:
            await self._create_index()

    async def _create_index(self) -> None:
        url = f"{self._api}/indexes/{self._index}/describe"
        present = await self.request(Request(url, headers=self._headers, method="GET"))
        if present.status != 404:
            return verdict(present)
        answer = await self.request(Request(f"{self._api}/indexes", encode_json(self._definition()), self._headers))
        # 400: another sidekick made it since; were it something else, the first alerts would tell.
        if answer.status == 400 and b"already exist" not in answer.body:
            raise MisconfiguredError(f"the index was refused: {shown(answer.body)}")
        return None if answer.status == 400 else verdict(answer)

    def _definition(self) -> dict[str, Any]:
        fields = [{"name": name, "type": kind, "fast": name != "output"} for name, kind in _TYPES.items()]
        return {
            "index_id": self.settings.index,
            "version": self.settings.version,
            "search_settings": {"default_search_fields": _SEARCHED},
            "doc_mapping": {
                "dynamic_mapping": _DYNAMIC,
                "field_mappings": fields,
                "mode": "dynamic",
                "store_source": True,
                "timestamp_field": "time",
            },
        }

    def encode(self, events: Sequence[Event]) -> Request:
        return Request(f"{self._api}/{self._index}/ingest", json_lines(events), self._headers)

    def read_answer(self, answer: Answer, events: Sequence[Event]) -> None:
        verdict(answer)
        if rejected := read_json(answer.body, _Ingestion).num_rejected_docs:
            raise PermanentError(f"{rejected} alerts refused: {shown(answer.body)}")
