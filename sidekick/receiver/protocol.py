"""HTTP as alerts need it: uvicorn's protocol, with the alerts taken out of it.

httptools parses; a request for one of our pages goes on into uvicorn's own request cycle; any other is an alert, taken
without a scope, a task or an event. No byte held is unbounded: whatever is no body by `headerlimit`, a body by
`bodylimit`, and reading pauses while an earlier request is unanswered or the peer does not read its answers.
"""

import logging
from typing import NoReturn

import httptools
from uvicorn.config import Config

from sidekick.event import DecodeError
from sidekick.journal import JournalFull
from sidekick.receiver import answers
from sidekick.receiver.access import Sender
from sidekick.receiver.answers import Refusal, not_an_alert
from sidekick.receiver.connection import BODY, CLOSED, HEAD, IDLE, Alert, Connection
from sidekick.receiver.encoding import TooLargeError, gunzip
from sidekick.receiver.paths import Paths, Target
from sidekick.receiver.refused import KEPT
from sidekick.receiver.state import State

logger = logging.getLogger(__name__)


class _StopError(Exception):
    """Leaves the parser in the middle of what it was fed."""


class AlertProtocol(Connection):
    """Reads the requests of one connection."""

    def __init__(self, config: Config, state: State, paths: Paths) -> None:
        super().__init__(config, state)
        self.paths = paths
        self.accept = state.service.accept
        self.body_limit = state.limits.bodylimit
        self.progress = False
        self.overhead = 0
        """Bytes received since the last progress: endless headers, trailers or chunk extensions."""

    def data_received(self, data: bytes) -> None:
        if self.phase == CLOSED:
            return
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._ignore_upgrade(data[upgrade.args[0] :])
        except httptools.HttpParserError:
            if self.phase != CLOSED:
                # A token may stand in it, whole or in part.
                self.end(answers.NO_HTTP, b"" if self.state.access.closed else data)
        if self.phase in (HEAD, BODY):
            self._count_overhead(len(data))

    def _count_overhead(self, received: int) -> None:
        if self.progress:
            self.progress = False
            self.overhead = 0
            return
        self.overhead += received
        if self.overhead > self.state.limits.headerlimit:
            self.end(answers.HEAD_TOO_LARGE)

    def _ignore_upgrade(self, rest: bytes) -> None:
        """Reads a request that offers to change the protocol as if it did not (RFC 9110, section 7.8).

        The parser has stopped before the body, so the head is fed again without the offer. It is the last request of
        its connection, lest a row of such heads be copied again for each.
        """
        fields = [
            name + b": " + value for name, value in self.headers if name.lower() not in (b"upgrade", b"connection")
        ]
        line = self.parser.get_method() + b" " + self.url + b" HTTP/1.1"
        self.data_received(b"\r\n".join([line, *fields, b"Connection: close", b"", rest]))

    def on_message_begin(self) -> None:
        if self.phase == CLOSED:
            raise _StopError
        self.phase = HEAD
        self.since = self.state.now
        self.fresh = False
        self.progress = True
        self.url = b""
        self.headers = []

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        if self.parser.should_upgrade():
            if self.parser.get_method() == b"CONNECT":
                raise _StopError
            return
        if self.url == self.alert_url:
            self._begin_alert(None)
            return
        target = self.paths.target(self.url)
        if isinstance(target, Refusal):
            self._begin_alert(target)
        else:
            self._enter(target)

    def _enter(self, target: Target) -> None:
        admission = self.state.access.enter(target, self.url, self.headers, self.peer)
        if target is Target.ALERT:
            self.sender = admission.sender
            self.alert_url = self.url if admission.lasting else None
        if target is Target.ALERT or admission.refusal:
            self._begin_alert(admission.refusal)
        else:
            self._begin_page(admission.sender)

    def _begin_page(self, sender: Sender) -> None:
        url, headers = self.url, self.headers
        self._check_head(len(url) + sum(len(name) + len(value) for name, value in headers))
        super().on_message_begin()
        self.scope["state"] = {"sender": sender}
        self.url = url
        for name, value in headers:
            super().on_header(name, value)
        super().on_headers_complete()
        self.phase = BODY
        if self.state.closing:
            self.cycle.keep_alive = False

    def _begin_alert(self, refusal: Refusal | None) -> None:
        alert = Alert(self, self.parser.should_keep_alive() and not self.state.closing)
        method = self.parser.get_method()
        if method != b"POST":
            alert.head_only = method == b"HEAD"
            refusal = refusal or answers.METHOD
        if refusal:
            alert.refusal = refusal
            if refusal.ends:
                self.body_limit = min(self.body_limit, KEPT)
        self.queue(alert)
        self.phase = BODY
        self._read_head(alert)

    def _read_head(self, alert: Alert) -> None:
        """The few header fields that matter, told apart by length first: this runs for each field of each alert."""
        head = len(self.url)
        for name, value in self.headers:
            size = len(name)
            head += size + len(value)
            if size == 16:
                if name.lower() == b"content-encoding":
                    alert.gzipped = value.lower() in (b"gzip", b"x-gzip")
            elif size == 10:
                # HTTP/1.0 knows no connection that lasts, unless the answer says so in its own way.
                if name.lower() == b"connection" and self.parser.get_http_version() == "1.0":
                    alert.keep_alive = False
            elif size == 6 and name.lower() == b"expect":
                alert.expects = value.lower() == b"100-continue" and self.parser.get_http_version() != "1.0"
        self._check_head(head)
        if alert.expects:
            self._answer_expectation(alert)

    def _check_head(self, size: int) -> None:
        if size > self.state.limits.headerlimit:
            self._stop(answers.HEAD_TOO_LARGE)

    def _answer_expectation(self, alert: Alert) -> None:
        declared = next((value for name, value in self.headers if name.lower() == b"content-length"), b"0")
        if int(declared) > self.body_limit:
            self._stop(alert.refusal or answers.TOO_LARGE)
        self.invite(alert)

    def on_body(self, body: bytes) -> None:
        self.progress = True
        alert = self.cycle
        if type(alert) is not Alert:
            super().on_body(body)
            return
        if not alert.body:
            alert.body = body
        else:
            if type(alert.body) is bytes:
                alert.body = bytearray(alert.body)
            alert.body += body
        if len(alert.body) > self.body_limit:
            self._stop(alert.refusal or answers.TOO_LARGE)

    def on_message_complete(self) -> None:
        if self.phase == HEAD:
            return  # an Upgrade, whose head is fed again
        alert = self.cycle
        self.phase = IDLE if alert.keep_alive else CLOSED
        if type(alert) is Alert:
            self._take(alert)
        else:
            super().on_message_complete()

    def _take(self, alert: Alert) -> None:
        if alert.refusal:
            self.refuse(alert, alert.refusal)
            return
        try:
            body = bytes(alert.body)
            self.accept(gunzip(body, self.body_limit) if alert.gzipped else body, alert.done, self.sender)
        except DecodeError as error:
            self.refuse(alert, not_an_alert(error.reason))
        except JournalFull:
            self.refuse(alert, answers.UNAVAILABLE)
        except TooLargeError:
            self.refuse(alert, answers.TOO_LARGE)
        except Exception:
            # A sender that gets no answer waits for ever, and Falco with it: whatever is wrong here, answer.
            logger.exception("cannot take an alert")
            self.refuse(alert, answers.FAULT)

    def _stop(self, refusal: Refusal) -> NoReturn:
        """Refuses the request being read from within the parser, which goes no further."""
        self.end(refusal)
        raise _StopError
