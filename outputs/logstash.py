"""Logstash's `tcp` input with the codec `json_lines`: each alert as a line of JSON.

The input acknowledges nothing. An alert is delivered when the kernel of Logstash's machine has it, so what Logstash has
not read when it ends is lost; a queue between the two (Kafka, Redis, RabbitMQ) loses nothing.
"""

import re
from collections.abc import Sequence
from typing import Any, cast

import msgspec

from sidekick.sdk import BatchLimits, CommaList, Event, Flag, Output, OutputSettings, Text
from sidekick.sdk.address import Host
from sidekick.sdk.settings import Port
from sidekick.sdk.stream import Stream

_INDEX = re.compile(r"\[(\d+)\]")


class LogstashSettings(OutputSettings):
    """Keys of `logstash`."""

    address: Host = ""
    """Host."""
    port: Port = 5044
    """Port of the tcp input."""
    tags: CommaList = ()
    """Tags to add to those of each alert."""
    tls: Flag = False
    """Speak TLS; `mutualtls` implies it."""
    mutualtls: Flag = False
    """Present a client certificate."""
    checkcert: Flag = False
    """Verify the server's certificate. Unset, anybody's is taken, as falcosidekick does: set it to true with TLS."""
    certfile: Text = ""
    """Client certificate, instead of that of `mutualtlsclient`."""
    keyfile: Text = ""
    """Key of `certfile`."""
    cacertfile: Text = ""
    """Authority that signed the server's certificate."""


class Logstash(Output[LogstashSettings]):
    Settings = LogstashSettings
    title = "Logstash"
    category = "logs"
    website = "https://www.elastic.co/logstash"
    arrives = "An event with the alert's fields at its top level."
    requires = ("address",)
    example = {"address": "logstash.example.com", "tls": True, "checkcert": True}
    limits = BatchLimits(count=500, bytes=1 << 20)
    _stream: Stream | None = None

    async def connect(self) -> None:
        await self.close()
        settings = self.settings
        files = self.context.tls.with_files(settings.certfile, settings.keyfile, settings.cacertfile)
        encrypted = settings.tls or settings.mutualtls
        tls = files.context(verify=settings.checkcert, mutual=settings.mutualtls) if encrypted else None
        self._stream = await Stream.open(settings.address, settings.port, tls)

    async def send(self, events: Sequence[Event]) -> None:
        if self._stream is None or self._stream.ended:
            await self.connect()  # the server was restarted since the last alert
        assert self._stream is not None
        await self._stream.send(b"".join(map(self.encode, events)))

    async def close(self) -> None:
        stream, self._stream = self._stream, None
        if stream is not None:
            await stream.close()

    def encode(self, event: Event) -> bytes:
        """One line. `name[N]` among the fields' names is `name.N`, for Logstash reads brackets as a path."""
        fields, tags = _dotted(event.fields), (*event.tags, *self.settings.tags)
        return msgspec.structs.replace(event, fields=fields, tags=tags).json + b"\r\n"


def _dotted(value: Any) -> Any:
    if isinstance(value, dict):
        named = cast("dict[str, Any]", value)
        return {_INDEX.sub(r".\1", name): _dotted(item) for name, item in named.items()}
    return [_dotted(item) for item in cast("list[Any]", value)] if isinstance(value, list) else value
