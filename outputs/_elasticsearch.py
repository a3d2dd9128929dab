"""The servers of the Elasticsearch family: alerts in daily indices or a data stream, each under its own id, by `_bulk`.

The requests are made here and not by the vendor's client: see `docs/decisions/elasticsearch-client.md`.
"""

import gzip
from collections.abc import Mapping, Sequence
from datetime import UTC
from typing import Any, Literal, TypeVar
from urllib.parse import quote

import msgspec

import outputs._elasticsearch_bulk as bulk
import outputs._elasticsearch_mapping as mapping
from sidekick.sdk import (
    JSON,
    NO_SECRET,
    Answer,
    BatchLimits,
    Context,
    Duration,
    Event,
    Flag,
    HttpOutput,
    HttpSettings,
    MisconfiguredError,
    PartialError,
    PermanentError,
    Request,
    RetryableError,
    Secret,
    Settings,
    Size,
    Text,
    TextMap,
    encode_json,
    shown,
    verdict,
)
from sidekick.sdk.auth import basic

_DATE_LENGTH = {"daily": len("2026-11-24"), "monthly": len("2026-11"), "annually": len("2026")}
_NDJSON = "application/x-ndjson"
# A bulk answer's default form costs as much to read as the documents to send; see elasticsearch-client.md.
_ANSWER_PARTS = "errors,items.*.status,items.*.error.type,items.*.error.reason"
_PEER_SHARDS = 3


class Batching(Settings):
    """falcosidekick's form of `batch`; on unless switched off."""

    enabled: Flag = True
    """Send many alerts in one request."""
    batchsize: Size = 5 << 20
    """Most bytes of alerts in one request."""
    flushinterval: Duration = 1.0
    """How long the first alert of a batch waits for company."""


class FamilySettings(HttpSettings):
    """Keys that they have in common."""

    hostport: Text = ""
    """Base URL, such as https://search.example.com:9200."""
    index: Text = "falco"
    """Index, before its date; the whole name of a data stream."""
    suffix: Literal["daily", "monthly", "annually", "none"] = "daily"
    """Date after the index, from the alert's own time in UTC: `falco-2026.11.24`, `falco-2026.11`, `falco-2026`."""
    datastream: Flag = False
    """Write to the data stream named `index`, which the index template defines; `suffix` is then not used."""
    pipeline: Text = ""
    """Ingest pipeline that each alert goes through."""
    username: Text = ""
    """User, with `password`."""
    password: Secret = NO_SECRET
    """Password of `username`."""
    customheaders: TextMap = {}
    """Headers to add; a name of ours is replaced."""
    flattenfields: Flag = False
    """Write `_` for each `.` in the names of output_fields; `createindextemplate: true` does so too."""
    createindextemplate: Flag | None = None
    """true: the output waits until its index template is in place. false: leave templates alone. Unset: put one where
    the login and the other templates allow it. Put anew when its content changes; never over a newer version."""
    numberofshards: int = 0
    """Shards of a new index; 0: 3 with `createindextemplate: true`, otherwise what the server decides."""
    numberofreplicas: int = 0
    """Replicas of a new index; 0: as for `numberofshards`."""
    enablecompression: Flag = False
    """Compress requests with gzip."""
    batching: Batching = Batching()
    """falcosidekick's batch limits; `batch` narrows them."""


F = TypeVar("F", bound=FamilySettings)


class Family(HttpOutput[F]):
    category = "logs"
    requires = ("hostport",)
    limits = BatchLimits(count=1000, bytes=50 << 20)
    idempotent = True

    def __init__(self, settings: F, context: Context) -> None:
        super().__init__(settings, context)
        self._fields = mapping.UNKNOWN
        self._flat = settings.flattenfields or settings.createindextemplate is True
        self._base = settings.hostport.rstrip("/")
        self._bulk_url = f"{self._base}/_bulk?filter_path={_ANSWER_PARTS}"
        if settings.pipeline:
            self._bulk_url += f"&pipeline={quote(settings.pipeline, safe='')}"

    @property
    def batch(self) -> BatchLimits:
        ours = self.settings.batching
        limits = BatchLimits(self.limits.count if ours.enabled else 1, ours.batchsize, ours.flushinterval)
        return limits.narrowed(self.settings.batch)

    async def connect(self) -> None:
        await super().connect()
        self._fields = mapping.UNKNOWN
        if self.settings.pipeline:
            answer = await self._ask("GET", f"/_ingest/pipeline/{quote(self.settings.pipeline, safe='')}")
            if answer.status == 404:
                raise MisconfiguredError(f"there is no ingest pipeline {self.settings.pipeline!r}")
        if self.settings.createindextemplate is not False:
            await self._apply_template()

    async def _apply_template(self) -> None:
        fields = mapping.of_server(await self._ask("GET", "/"), flat=self._flat)
        insist = self.settings.createindextemplate is True or self.settings.datastream
        if fields is mapping.UNKNOWN and not insist:
            return
        refusal = await self._put_template(fields)
        if refusal is None:
            self._fields = fields
        elif insist:
            raise MisconfiguredError(f"the index template was refused: HTTP {refusal.status}: {shown(refusal.body)}")

    async def _put_template(self, fields: mapping.FieldsMapping) -> Answer | None:
        """None when the template is in place, otherwise the refusal."""
        path = f"/_index_template/{quote(f'sidekick-{self.settings.index}', safe='')}"
        body = self._template(fields)
        present = await self._ask("GET", path)
        if present.status == 200 and mapping.is_current(present.body, body):
            return None
        answer = await self._ask("PUT", path, encode_json(body))
        return None if answer.status == 200 else answer

    def _template(self, fields: mapping.FieldsMapping) -> dict[str, Any]:
        settings = self.settings
        default = _PEER_SHARDS if settings.createindextemplate else 0
        numbers = {"number_of_shards": settings.numberofshards, "number_of_replicas": settings.numberofreplicas}
        wanted = {name: number if number > 0 else default for name, number in numbers.items()}
        dated = settings.suffix != "none" and not settings.datastream
        patterns = [f"{settings.index}-*" if dated else settings.index]
        chosen = {name: number for name, number in wanted.items() if number}
        return mapping.template(patterns, fields, chosen, stream=settings.datastream)

    async def _ask(self, method: str, path: str, body: bytes = b"") -> Answer:
        """An answer that a person's work stands behind: what passes by itself and a bad login are raised here."""
        answer = await self.request(Request(self._base + path, body, self._headers(JSON), method))
        if answer.status in (401, 408, 429) or answer.status >= 500:
            verdict(answer)
        return answer

    def _headers(self, content_type: str) -> Mapping[str, str]:
        return {"Content-Type": content_type} | self.login() | self.settings.customheaders

    def login(self) -> dict[str, str]:
        """Headers that say who we are."""
        return basic(self.settings.username, self.settings.password)

    async def send(self, events: Sequence[Event]) -> None:
        try:
            await super().send(events)
        except PartialError as error:
            await self._send_as_text(events, error.errors)

    async def _send_as_text(
        self, events: Sequence[Event], errors: Mapping[int, RetryableError | PermanentError]
    ) -> None:
        """An index made before our template may refuse a field: such alerts are sent with all their fields as text."""
        refused = [place for place, error in errors.items() if isinstance(error, bulk.RefusedDocumentError)]
        left = {place: error for place, error in errors.items() if place not in refused}
        if refused:
            again = [events[place] for place in refused]
            try:
                self.read_answer(await self.request(self._request(again, as_text=True)), again)
            except PartialError as second:
                left |= {refused[place]: error for place, error in second.errors.items()}
        if left:
            raise PartialError(left)

    def encode(self, events: Sequence[Event]) -> Request:
        return self._request(events)

    def _request(self, events: Sequence[Event], *, as_text: bool = False) -> Request:
        body = b"".join(self._entry(event, as_text=as_text) for event in events)
        headers = self._headers(_NDJSON)
        if self.settings.enablecompression:
            return Request(self._bulk_url, gzip.compress(body, 1, mtime=0), {"Content-Encoding": "gzip", **headers})
        return Request(self._bulk_url, body, headers)

    def _entry(self, event: Event, *, as_text: bool) -> bytes:
        # `create` with the event's id: a resend is answered 409 and leaves no second copy; data streams take no other.
        action = encode_json({"create": {"_index": self._index(event), "_id": event.uuid}})
        return b"%b\n%b\n" % (action, self._document(event, as_text=as_text))

    def _index(self, event: Event) -> str:
        length = 0 if self.settings.datastream else _DATE_LENGTH.get(self.settings.suffix, 0)
        date = _utc_date(event)[:length].replace("-", ".")
        return f"{self.settings.index}-{date}" if date else self.settings.index

    def _document(self, event: Event, *, as_text: bool) -> bytes:
        if self._flat:
            event = msgspec.structs.replace(event, fields=_underscored(event.fields))
        extra = {"@timestamp": event.time}
        taken = {} if as_text else self._fields.taken(event)
        if len(taken) < len(event.fields):
            extra = {mapping.UNINDEXED: encode_json(event.fields).decode()} | extra
            event = msgspec.structs.replace(event, fields=taken)
        return b"%b,%b" % (event.json[:-1], msgspec.json.encode(extra)[1:])

    def read_answer(self, answer: Answer, events: Sequence[Event]) -> None:
        verdict(answer)
        bulk.read(answer, len(events))


def _utc_date(event: Event) -> str:
    if event.time.endswith("Z"):
        return event.time[:10]
    try:
        return event.datetime.astimezone(UTC).date().isoformat()
    except OverflowError:  # year 1 or 9999, within an offset of its end
        return event.time[:10]


def _underscored(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields without dots in their names; a name that would fall on another keeps its dots."""
    flat: dict[str, Any] = {}
    for name, value in fields.items():
        wanted = name.replace(".", "_")
        taken = wanted != name and (wanted in fields or wanted in flat)
        flat[name if taken else wanted] = value
    return flat
