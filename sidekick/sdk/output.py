"""The contract between the delivery engine and a destination: all that a file in `outputs/` has to fill in.

An output turns events into one request and an answer into a verdict. It never retries, sleeps, logs a failure, counts
or catches broadly: batching, retry, time-outs, breaker, dead letters and metrics belong to the engine. The engine never
calls two methods of one output at once, except `send` up to `concurrency` times.
"""

import ssl
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic, TypeVar

from prometheus_client import CollectorRegistry

from sidekick.event import Event
from sidekick.sdk.http import Answer, HttpClient, Request, verdict
from sidekick.sdk.settings import Batch, HttpSettings, OutputSettings
from sidekick.sdk.tls import ClientTls

S = TypeVar("S", bound=OutputSettings)
H = TypeVar("H", bound=HttpSettings)
MOST_CONCURRENT = 64
# By category, as falcosidekick sorts them; its "other" are traces, policy reports and two security lakes.
_STORES = {"database", "logs", "metrics", "object storage", "other", "queue"}


@dataclass(frozen=True)
class BatchLimits:
    """What one request may carry: events, bytes of their JSON, and seconds that the first may wait for more."""

    count: int = 1
    bytes: int = 1 << 20
    linger: float = 0.0

    def narrowed(self, batch: Batch) -> "BatchLimits":
        """These limits with a user's overrides; the destination's own maximum holds."""
        return BatchLimits(
            count=max(1, min(self.count, batch.count or self.count)),
            bytes=min(self.bytes, batch.bytes or self.bytes),
            linger=self.linger if batch.linger is None else batch.linger,
        )


@dataclass(frozen=True)
class Context:
    """What the process lends to each output."""

    tls: ClientTls = field(default_factory=ClientTls)
    registry: CollectorRegistry = field(default_factory=CollectorRegistry)
    enabled: tuple[str, ...] = ()
    """Titles of all outputs that are on."""
    custom_fields: tuple[str, ...] = ()
    """Names of the fields that the configuration adds to every alert."""
    page: str = ""
    """Where people reach our page: messages link to their alert there. Empty: they carry no link."""

    @property
    def shapes(self) -> tuple[object, ...]:
        """What outputs are built by: where it differs, they are to be built anew."""
        return self.tls, self.custom_fields, self.page

    def link(self, event: Event) -> str:
        """The alert's own page; empty where there is none."""
        return f"{self.page.rstrip('/')}/events/{event.uuid}" if self.page else ""


class Output(ABC, Generic[S]):
    """A destination. The module's name is its key in the configuration (`aws_s3` is `aws.s3`)."""

    Settings: ClassVar[type[OutputSettings]]
    title: ClassVar[str]
    """The name that people know it by; falcosidekick's in its `Enabled Outputs` line."""
    category: ClassVar[str]
    website: ClassVar[str] = ""
    requires: ClassVar[tuple[str, ...]] = ()
    """Keys that turn it on: it is on when each has a value."""
    example: ClassVar[Mapping[str, Any]] = {}
    """Settings that turn it on, as a user would write them: shown in the reference, run by the conformance suite."""
    arrives: ClassVar[str] = ""
    """What is found there for an alert, in words: where no text that is sent shows it."""
    limits: ClassVar[BatchLimits] = BatchLimits()
    durable: ClassVar[bool] = True
    """False: starts at *now* and keeps no place in the journal (counters)."""
    idempotent: ClassVar[bool] = False
    """True: a resend of the same event leaves no second copy there."""
    whole: ClassVar[bool] = False
    """True: a resend of the same batch leaves no second copy there, so none is tried again in parts."""
    extra: ClassVar[str | None] = None
    """The optional dependency (`sidekick[NAME]`) that `connect` imports."""

    def __init__(self, settings: S, context: Context) -> None:
        self.settings = settings
        self.context = context

    @property
    def batch(self) -> BatchLimits:
        return self.limits.narrowed(self.settings.batch)

    @property
    def concurrency(self) -> int:
        """Single-event requests that may be in flight at once."""
        return 1

    @property
    def heeds_silences(self) -> bool:
        """Whether silenced alerts are kept from it. A store is to hold them all the same, for silence is for people."""
        chosen = self.settings.silences
        return self.category not in _STORES if chosen is None else chosen

    async def connect(self) -> None:
        """Gets ready; called until it succeeds, and again after `close`. Raises a `DeliveryError`."""

    @abstractmethod
    async def send(self, events: Sequence[Event]) -> None:
        """Delivers 1 to `batch.count` events and returns when the destination has them; raises a `DeliveryError`."""

    async def close(self) -> None:
        """Lets go of everything; safe after a failed `connect` and when called twice."""


class HttpOutput(Output[H]):
    """A destination that takes events by HTTP: two pure functions, `encode` and `read_answer`, say how."""

    def __init__(self, settings: H, context: Context) -> None:
        super().__init__(settings, context)
        self._http: HttpClient | None = None

    @property
    def concurrency(self) -> int:
        return min(self.settings.maxconcurrentrequests or MOST_CONCURRENT, MOST_CONCURRENT)

    @property
    def connections(self) -> int:
        """Connections that may be open at once."""
        return self.concurrency

    @abstractmethod
    def encode(self, events: Sequence[Event]) -> Request:
        """The request that carries these events. Pure: the same events give the same bytes."""

    def read_answer(self, answer: Answer, events: Sequence[Event]) -> None:
        """The verdict of an answer: returns when all is delivered, else raises a `DeliveryError`. Pure."""
        verdict(answer)

    async def connect(self) -> None:
        await self.close()
        self._http = HttpClient(self.tls, connections=self.connections, timeout=self.settings.timeout)

    def tls(self) -> ssl.SSLContext:
        """The TLS towards the destination, with the user's own certificates; made anew at each connect."""
        return self.context.tls.context(verify=self.settings.checkcert, mutual=self.settings.mutualtls)

    async def request(self, request: Request) -> Answer:
        """One exchange with the destination, for what `connect` or `send` need besides the events."""
        if self._http is None:
            await self.connect()
        assert self._http is not None
        return await self._http.send(request)

    async def send(self, events: Sequence[Event]) -> None:
        self.read_answer(await self.request(self.encode(events)), events)

    async def close(self) -> None:
        if self._http is not None:
            await self._http.close()
            self._http = None
