"""NATS: each alert on a subject of its priority and rule; where a JetStream stream takes the subject, stored there.

A stream acknowledges what it has stored, and by the alert's id drops a copy that comes within its window for duplicates
(2 minutes unless it says otherwise). Without one the server only acknowledges that it has read an alert (PONG, NATS
client protocol): who listens at that moment gets it, and if nobody does it is gone.
"""

from collections.abc import Iterable, Sequence
from typing import Annotated, Literal

from outputs._nats import Link, subject_of
from sidekick.sdk import (
    AnyCase,
    BatchLimits,
    Context,
    Event,
    HttpSettings,
    MisconfiguredError,
    Output,
    PartialError,
    PermanentError,
    RetryableError,
    Text,
)
from sidekick.sdk.inflight import settle

_LOOK = 2.0  # seconds that JetStream has for saying which stream takes a subject
_HEADERS = "NATS/1.0\r\nNats-Msg-Id: %s\r\n\r\n"
_NOT_ENABLED = {10039, 10076}  # JetStream's errors for an account and for a server that have none


class NatsSettings(HttpSettings):
    """Keys of `nats`."""

    hostport: Text = ""
    """Server, such as nats://nats:4222, or several with commas between; tls:// speaks TLS, and a login goes before the
    host (user:password@)."""
    subjecttemplate: Text = "falco.<priority>.<rule>"
    """Subject: `<priority>` and `<rule>` stand for the alert's own, in small letters, digits and `_`, and of a rule's
    name 150 at most."""
    jetstream: Annotated[Literal["auto", "always", "never"], AnyCase] = "auto"
    """auto: wait for the acknowledgement of the stream that takes the subject, where there is one. always: without such
    a stream alerts wait. never: do not ask, and do not wait for a stream."""


class Nats(Output[NatsSettings]):
    Settings = NatsSettings
    title = "NATS"
    category = "queue"
    website = "https://nats.io"
    arrives = "A message on `falco.PRIORITY.RULE`: the alert's JSON; for a stream also its id, as `Nats-Msg-Id`."
    requires = ("hostport",)
    example = {"hostport": "nats://nats:4222"}
    limits = BatchLimits(count=200, bytes=8 << 20)
    extra = "nats"

    def __init__(self, settings: NatsSettings, context: Context) -> None:
        super().__init__(settings, context)
        self._link: Link | None = None
        self._stored: set[str] = set()
        self._asks = False

    async def connect(self) -> None:
        await self.close()
        settings = self.settings
        self._link = await Link.open(settings.hostport, settings, self.context.tls)
        self._stored = set()
        self._asks = settings.jetstream == "auto"

    async def send(self, events: Sequence[Event]) -> None:
        if self._link is None or self._link.gone.done():
            await self.connect()
        assert self._link is not None
        link, template = self._link, self.settings.subjecttemplate
        subjects = [subject_of(template, event) for event in events]
        if self._asks:
            # Only a yes is remembered, for a stream may be made at any time.
            await self._look_up(link, set(subjects) - self._stored)
        sends = [self._publish(link, subject, event) for subject, event in zip(subjects, events, strict=True)]
        await settle(sends, link.verdict, link.gone)

    async def _publish(self, link: Link, subject: str, event: Event) -> None:
        from nats.js.errors import NoStreamResponseError  # noqa: PLC0415

        timeout = self.settings.timeout
        if subject not in self._stored and self.settings.jetstream != "always":
            await link.client.publish(subject, event.json)
            return await link.client.flush(timeout)  # type: ignore[reportArgumentType]
        # The library counts no headers, and the server would cut the connection.
        if len(event.json) + len(_HEADERS % event.uuid) > link.client.max_payload:
            raise PermanentError("the alert, with its id as a header, is larger than NATS takes")
        try:
            headers = {"Nats-Msg-Id": event.uuid}
            await link.client.jetstream(timeout=timeout).publish(subject, event.json, headers=headers)
        except NoStreamResponseError:
            self._stored.discard(subject)
            wrong = self.settings.jetstream == "always"
            raise (MisconfiguredError if wrong else RetryableError)(f"no stream of JetStream takes {subject}") from None
        return None

    async def _look_up(self, link: Link, subjects: Iterable[str]) -> None:
        """Notes which of the subjects a stream takes; raises when one of them is not known to be stored or not."""
        try:
            await settle([self._ask(link, subject) for subject in subjects], link.verdict, link.gone)
        except PartialError as error:  # of subjects, and not of alerts
            raise next(iter(error.errors.values())) from None

    async def _ask(self, link: Link, subject: str) -> None:
        from nats.errors import TimeoutError as NatsTimeoutError  # noqa: PLC0415
        from nats.js.errors import APIError, NotFoundError, ServiceUnavailableError  # noqa: PLC0415

        try:
            await link.client.jetstream(timeout=_LOOK).find_stream_name_by_subject(subject)
        except NotFoundError:
            return
        except NatsTimeoutError:
            if "$js.api" not in link.complaint.lower():
                raise
            self._asks = False  # this user may not ask
        except APIError as error:
            nobody = isinstance(error, ServiceUnavailableError) and error.err_code is None
            if not nobody and error.err_code not in _NOT_ENABLED:
                raise
        else:
            self._stored.add(subject)

    async def close(self) -> None:
        link, self._link = self._link, None
        if link is not None:
            await link.close()
