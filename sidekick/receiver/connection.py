"""One connection of a sender: the order of its answers, and how it ends.

Alerts are answered here, our pages by uvicorn's own request cycle. One connection may carry both, pipelined, so there
is one order of answers: uvicorn's. It keeps the request read last in `cycle` and those that wait for an earlier answer
in `pipeline`; an `Alert` is such a cycle. Whatever ends a connection (a refusal, `Connection: close`, a shutdown) is
the last in that order, so that nothing read goes unanswered.
"""

import asyncio
from functools import cached_property

import httptools
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from sidekick.receiver import answers
from sidekick.receiver.access import ANYBODY, Peer
from sidekick.receiver.answers import Refusal
from sidekick.receiver.state import State

IDLE, HEAD, BODY, CLOSED = range(4)
"""Phases: between requests; in a request's head; in its body; nothing more is read."""
_LINGER = 2.0
"""Seconds that a peer has to read a last answer, while what it still sends is thrown away (RFC 9112, section 9.6)."""
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class Alert(RequestResponseCycle):
    """A request that is answered here, in the place of a cycle of uvicorn's, of which only these attributes are used.

    Defaults are the class's, since most requests never set them.
    """

    body: bytes | bytearray = b""  # type: ignore[assignment]
    refusal: Refusal | None = None
    """Why it is not taken. When method or path decide that, the body is read all the same, to be kept."""
    expects = False
    gzipped = False
    head_only = False
    first = False
    """No earlier request waits for its answer."""
    ready = False
    """The outcome is known, and waits for earlier answers."""
    response_complete = False
    disconnected = False
    message_event = asyncio.Event()

    def __init__(self, protocol: "Connection", keep_alive: bool) -> None:
        self.protocol = protocol
        self.keep_alive = keep_alive

    def done(self, error: OSError | None) -> None:
        """The journal's word: durable, or not kept."""
        if error is None:
            self.protocol.accepted(self)
        else:
            self.protocol.refuse(self, answers.UNAVAILABLE)


class Connection(HttpToolsProtocol):
    """Everything of the protocol but the reading of requests."""

    parser: httptools.HttpRequestParser  # type: ignore[assignment]

    def __init__(self, config: Config, state: State) -> None:
        super().__init__(config, state, {})
        self.state = state
        self.phase = IDLE
        self.since = state.now
        """When a request last began or was answered, by the shared clock."""
        self.fresh = True
        """No request has begun yet."""
        self.alert_url: bytes | None = None
        """URL of the last alert: a sender has one, so whose it is and where it leads is looked at once."""
        self.sender = ANYBODY
        """Who sent the last alert."""
        self.blocked_since: float | None = None
        """Since when the peer has not read its answers."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.state.connections) > self.state.most_connections:
            self.phase = CLOSED
            self._count(answers.TOO_MANY, b"")
            transport.write(answers.TOO_MANY.render(self.state.date, keep_alive=False))
            transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        if self.phase == BODY and type(self.cycle) is Alert:
            self._count(answers.CUT_SHORT, self.cycle.body)
        self.phase = CLOSED
        super().connection_lost(exc)
        for cycle, _ in self.pipeline:
            cycle.disconnected = True
        if self.state.closing and not self.state.connections:
            self.state.drained.set()

    def eof_received(self) -> bool:  # type: ignore[override]
        """The peer sends no more, but may still read the answers that it is owed; TLS knows no such half."""
        if self.phase in (HEAD, BODY):
            self.end(answers.CUT_SHORT)
        elif self._unanswered():
            self._make_last()
        return self._unanswered() and self.scheme == "http"

    def pause_writing(self) -> None:
        super().pause_writing()
        self.blocked_since = self.state.now
        self.flow.pause_reading()

    def resume_writing(self) -> None:
        super().resume_writing()
        self.blocked_since = None
        if not (self.pipeline or self.transport.is_closing()):
            self.flow.resume_reading()

    def shutdown(self) -> None:
        """Closes between requests: at once if the connection rests, else after the request in hand.

        A connection without any request yet is spared: a sender only just connected does not expect to be shut out.
        """
        if self.phase == HEAD or (self.phase == IDLE and self.fresh):
            return
        if self._unanswered():
            self._make_last()
        else:
            self.transport.close()

    def sweep(self) -> None:
        """Ends what takes too long; called about once a second for all, so that no request needs a timer."""
        now = self.state.now
        if self.transport.is_closing() or self.blocked_since is not None:
            if now - max(self.since, self.blocked_since or 0.0) > self.state.limits.requesttimeout:
                self.transport.abort()
        elif now - self.since <= self._patience():
            return
        elif self.phase not in (HEAD, BODY):
            if not self._unanswered():
                self.transport.close()
        elif not self.flow.read_paused:  # else it is not the peer who is slow
            self.end(answers.TOO_SLOW)

    def _patience(self) -> float:
        """Seconds that the present phase may last."""
        limits = self.state.limits
        if self.phase == BODY:
            return limits.requesttimeout
        if self.phase == CLOSED:
            return _LINGER
        return limits.headertimeout if self.phase == HEAD or self.fresh else limits.idletimeout

    @cached_property
    def peer(self) -> Peer:
        """Who is at the other end, as far as the network tells."""
        return Peer(self.client[0] if self.client else "", self.transport.get_extra_info("peercert"))

    def forget(self) -> None:
        """Looks at the sender anew at its next request."""
        self.alert_url = None

    def _unanswered(self) -> bool:
        cycle = self._cycle()
        return cycle is not None and not cycle.response_complete

    def _cycle(self) -> RequestResponseCycle | None:
        """uvicorn declares no None, but begins with one."""
        return self.cycle

    def _make_last(self) -> None:
        """No request is read after the present one, whose answer says so."""
        self.cycle.keep_alive = False
        if self.phase == IDLE:
            self.phase = CLOSED

    def queue(self, alert: Alert) -> None:
        """Behind the requests that are unanswered; until they are answered, nothing more is read."""
        previous = self._cycle()
        self.cycle = alert
        if previous is None or previous.response_complete:
            alert.first = True
        else:
            self.pipeline.appendleft((alert, self.app))  # type: ignore[arg-type]  (an alert's application is never run)
            self.flow.pause_reading()

    def invite(self, alert: Alert) -> None:
        """Tells a sender that waits for it to send the body, once this answer stands in no other's way."""
        if alert.expects and alert.first and self.phase == BODY:
            self.transport.write(_CONTINUE)

    def accepted(self, alert: Alert) -> None:
        self.state.accepted += 1
        alert.body = b""
        self._settle(alert)

    def refuse(self, alert: Alert, refusal: Refusal) -> None:
        alert.refusal = refusal
        self._count(refusal, alert.body)
        alert.body = b""
        if refusal.ends:
            alert.keep_alive = False
            self.phase = CLOSED
        self._settle(alert)

    def end(self, refusal: Refusal, received: bytes = b"") -> None:
        """Refuses what is being read, as the last of its connection."""
        alert = self.cycle
        if self.phase != BODY:
            alert = Alert(self, keep_alive=False)
            alert.body = received
            self.queue(alert)
        self.phase = CLOSED
        if type(alert) is Alert:
            self.refuse(alert, refusal)
        elif alert.response_complete:
            self.transport.close()
        else:
            self._make_last()

    def _count(self, refusal: Refusal, body: bytes | bytearray) -> None:
        host, port = self.client or ("", 0)
        peer = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        self.state.service.refused.add(refusal.reason, body, peer)

    def _settle(self, alert: Alert) -> None:
        """The outcome is known: answered now, or once it is the alert's turn."""
        if alert.first:
            self._write(alert)
            self.on_response_complete()
        else:
            alert.ready = True

    def _write(self, alert: Alert) -> None:
        alert.response_complete = True
        if self.transport.is_closing():
            return
        if alert.refusal:
            answer = alert.refusal.render(self.state.date, keep_alive=alert.keep_alive, head_only=alert.head_only)
        else:
            answer = self.state.ok if alert.keep_alive else self.state.ok_close
        self.transport.write(answer)
        if not alert.keep_alive:
            self._close()

    def _close(self) -> None:
        """Closes our half first: closing all with bytes unread resets the connection, and loses the last answer."""
        if self.transport.can_write_eof():
            self.transport.write_eof()
            self.flow.resume_reading()
        else:
            self.transport.close()

    def on_response_complete(self) -> None:
        """Starts the next request that waits, as uvicorn's does, but without a timer for the rest after it."""
        self.since = self.state.now
        if self.transport.is_closing():
            return
        while self.pipeline:
            cycle, app = self.pipeline.pop()
            if type(cycle) is not Alert:
                self._start_asgi_task(cycle, app)
                break
            cycle.first = True
            if not cycle.ready:
                self.invite(cycle)
                break
            self._write(cycle)
        if not self.pipeline and self.flow.read_paused and self.blocked_since is None:
            self.flow.resume_reading()
