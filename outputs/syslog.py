"""Syslog: each alert as a line, by UDP, TCP or TLS, in JSON or in ArcSight's CEF."""

import os
import socket
from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field

from sidekick.sdk import AnyCase, BatchLimits, Context, Event, Flag, Output, OutputSettings, Priority
from sidekick.sdk.address import Host
from sidekick.sdk.datagram import Datagrams
from sidekick.sdk.message import printed
from sidekick.sdk.moment import utc
from sidekick.sdk.settings import Port
from sidekick.sdk.stream import Stream

_PORTS = {"udp": 514, "tcp": 514, "tls": 6514}
_SEVERITIES = {
    Priority.EMERGENCY: 10,
    Priority.ALERT: 9,
    Priority.CRITICAL: 8,
    Priority.ERROR: 7,
    Priority.WARNING: 6,
    Priority.NOTICE: 4,
    Priority.INFORMATIONAL: 3,
    Priority.DEBUG: 0,
}
# Micro Focus, CEF Implementation Standard 26: what the header and what the extension escape.
_HEADER = str.maketrans({"\\": "\\\\", "|": "\\|", "\n": " ", "\r": " "})
_EXTENSION = str.maketrans({"\\": "\\\\", "=": "\\=", "\n": "\\n", "\r": "\\r"})


class SyslogSettings(OutputSettings):
    """Keys of `syslog`."""

    host: Host = ""
    """Host of the syslog server."""
    port: Port = 0
    """Its port; 0: 514, with TLS 6514."""
    protocol: Annotated[Literal["tcp", "udp", "tls"], AnyCase] = "tcp"
    """How lines travel: udp loses some and holds no more than 65,507 bytes; tls is TCP with TLS (RFC 5425's port)."""
    checkcert: Flag = True
    """Verify the server's certificate, with TLS."""
    mutualtls: Flag = False
    """Present the client certificate of `mutualtlsclient`, with TLS."""
    format: Literal["json", "cef"] = "json"
    """What a line holds: the alert's JSON, or Common Event Format."""
    header: Annotated[Literal["rfc3339", "rfc3164"], AnyCase] = "rfc3339"
    """How the time before the line is written: `rfc3339`, to the microsecond, or `rfc3164` (`May  6 07:08:09`, in UTC),
    which Wazuh and others of its age take off, so that they find the JSON behind it."""
    facility: int = Field(default=0, ge=0, le=23)
    """Facility of the lines (RFC 5424, 6.2.1), such as 16 for local0."""


class Syslog(Output[SyslogSettings]):
    Settings = SyslogSettings
    title = "Syslog"
    category = "logs"
    website = "https://www.rfc-editor.org/rfc/rfc5424"
    arrives = "A line: facility, severity and host of the alert, then its JSON, or in CEF its facts as `key=value`."
    requires = ("host",)
    example = {"host": "syslog.example.com", "port": 6514, "protocol": "tls"}
    limits = BatchLimits(count=1000, bytes=256 << 10)

    def __init__(self, settings: SyslogSettings, context: Context) -> None:
        super().__init__(settings, context)
        self._way: Stream | Datagrams | None = None
        self._sender = f"{socket.gethostname()} Falco[{os.getpid()}]:"

    async def connect(self) -> None:
        await self.close()
        settings = self.settings
        port = settings.port or _PORTS[settings.protocol]
        if settings.protocol == "udp":
            self._way = await Datagrams.to_host(settings.host, port)
            return
        secure = settings.protocol == "tls"
        tls = self.context.tls.context(verify=settings.checkcert, mutual=settings.mutualtls) if secure else None
        self._way = await Stream.open(settings.host, port, tls)

    async def send(self, events: Sequence[Event]) -> None:
        """By TCP, delivered when the server's kernel has acknowledged all; it says nothing itself."""
        if self._way is None or (isinstance(self._way, Stream) and self._way.ended):
            await self.connect()  # the server was restarted since the last alert
        lines = [self.encode(event) for event in events]
        if isinstance(self._way, Stream):
            await self._way.send(b"".join(lines))
        elif self._way is not None:
            for line in lines:
                self._way.send(line)

    @property
    def batch(self) -> BatchLimits:
        """One by one in datagrams: of a batch that failed half-way nobody knows which half arrived."""
        return BatchLimits() if self.settings.protocol == "udp" else super().batch

    async def close(self) -> None:
        way, self._way = self._way, None
        if isinstance(way, Stream):
            await way.close()
        elif way is not None:
            way.close()

    def encode(self, event: Event) -> bytes:
        """One line, whatever the alert holds: the time is the alert's own."""
        priority = 8 * self.settings.facility + 8 - event.priority.level
        if self.settings.header == "rfc3164":
            moment = utc(event.datetime).ctime()[4:19]
        else:
            moment = event.datetime.isoformat().replace("+00:00", "Z")
        text = event.json if self.settings.format == "json" else _cef(event).encode()
        return f"<{priority}>{moment} {self._sender} ".encode() + text + b"\n"


def _cef(event: Event) -> str:
    fields = sorted(event.fields.items())
    pairs = (f"{name}:{'<nil>' if value is None else printed(value)}" for name, value in fields)
    extension = {
        "uuid": event.uuid,
        "start": event.datetime.isoformat(timespec="seconds").replace("+00:00", "Z"),
        "msg": event.output,
        "source": event.source,
        "hostname": event.hostname,
        "outputfields": " ".join(pairs),
        "tags": ",".join(event.tags),
    }
    head = f"CEF:0|Falcosecurity|Falco|1.0|Falco Event|{event.rule.translate(_HEADER)}|{_SEVERITIES[event.priority]}|"
    return head + " ".join(f"{name}={text.translate(_EXTENSION)}" for name, text in extension.items() if text)
