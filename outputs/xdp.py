"""Drops packets of the sources that alerts flag, in the kernel: each decision goes to the daemon of `sidekick-xdp`.

The daemon has the last word: it refuses what must stay reachable, whatever an alert says.
"""

import json
import time
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, cast

from pydantic import Field, field_validator

from bpf.client import (
    Answer,
    Block,
    Client,
    DaemonError,
    MalformedError,
    Networks,
    Outcome,
    RefusedError,
    Stats,
    Target,
    Wanted,
)
from sidekick.sdk import (
    BatchLimits,
    CommaList,
    Context,
    Duration,
    Event,
    Flag,
    MisconfiguredError,
    Output,
    OutputSettings,
    PermanentError,
    RetryableError,
    Text,
    WordList,
)

SOURCES = 10_000
"""Sources whose alerts are counted at once; the one that was quiet for longest is forgotten first."""
ANOTHER_MAY_DO = frozenset({"protected", "special", "not_global"})


class XdpSettings(OutputSettings):
    """Keys of `xdp`."""

    socket: Text = ""
    """The daemon's socket, such as /run/sidekick-xdp/socket."""
    filter: Text = "tags intersects (block_source)"
    """Which alerts block, in Falco's syntax; by default those of rules with the tag `block_source`."""
    fields: CommaList = ("fd.cip", "fd.sip", "fd.rip", "fd.name")
    """Fields that may hold the source, tried in this order."""
    direction: Literal["inbound", "outbound", "any"] = "inbound"
    """`inbound` blocks who connected to this host, `outbound` whom it connected to (its answers are what is lost)."""
    protocols: WordList = ("tcp",)
    """Values of `fd.l4proto` that count, `any` for all; the source of a UDP or ICMP packet is easily forged."""
    proxies: CommaList = ()
    """Networks of trusted proxies: in a list of addresses, the last one outside of them is the source."""
    scope: Literal["address", "port"] = "address"
    """`port` blocks only the port of this host that the alert names."""
    ipv6prefix: Annotated[int, Field(ge=48, le=128)] = 64
    """Length of the network blocked for an IPv6 source, which owns a /64 at least; 128 for the address alone."""
    threshold: Annotated[int, Field(ge=1)] = 1
    """Alerts from one source within `window` that it takes."""
    window: Duration = 60.0
    """Time in which `threshold` alerts must come."""
    life: Duration = 3600.0
    """How long a source is blocked for the first time."""
    growth: Annotated[float, Field(ge=1)] = 2.0
    """Each further block of a source lasts this many times as long, up to the daemon's `--longest`."""
    maximumage: Duration = 600.0
    """Older alerts (a backlog, a replay) block nothing; 0 for no limit."""
    dryrun: Flag = False
    """Decide, and show it in `sidekick-xdp decisions`, but block nothing."""

    @field_validator("proxies")
    @classmethod
    def _are_networks(cls, proxies: tuple[str, ...]) -> tuple[str, ...]:
        for proxy in proxies:
            Target.parse(proxy)
        return proxies


class Xdp(Output[XdpSettings]):
    Settings = XdpSettings
    title = "XDP"
    category = "response"
    arrives = "A block of the address that the alert names, until its time is over; `sidekick-xdp list` shows it."
    requires = ("socket",)
    example = {"socket": "/run/sidekick-xdp/socket"}
    limits = BatchLimits(count=100)
    idempotent = True

    def __init__(self, settings: XdpSettings, context: Context) -> None:
        super().__init__(settings, context)
        self._proxies = Networks({Target.parse(proxy).network: "" for proxy in settings.proxies})
        self._client = Client(Path(settings.socket), settings.timeout)
        self._offences: OrderedDict[Target, dict[str, float]] = OrderedDict()

    async def connect(self) -> None:
        await self._ask(Stats())

    async def send(self, events: Sequence[Event]) -> None:
        pending = [list(self.wanted(event)) for event in events]
        while pending := [candidates for candidates in pending if candidates]:
            outcomes = await self._block([candidates.pop(0) for candidates in pending])
            for candidates, outcome in zip(pending, outcomes, strict=True):
                if outcome.refused not in ANOTHER_MAY_DO:
                    candidates.clear()

    async def close(self) -> None:
        await self._client.close()

    def wanted(self, event: Event) -> Iterator[Wanted]:
        """What this alert asks to block: the first that the daemon does not refuse as one of ours is enough."""
        if self._stale(event) or not self._believable(event):
            return
        for name in self.settings.fields:
            source = self._source(event, name)
            if source is not None and self._offends(source, event):
                yield self._entry(event, source)

    def _stale(self, event: Event) -> bool:
        limit = self.settings.maximumage
        return bool(limit) and event.timestamp_ns < (time.time() - limit) * 1e9

    def _believable(self, event: Event) -> bool:
        """Whether the protocol makes forging the source hard; an alert of another kind (an audit log) came by TCP."""
        protocols = self.settings.protocols
        if "any" in protocols or not any(name.startswith("fd.") for name in event.fields):
            return True
        return event.fields.get("fd.l4proto") in protocols

    def _source(self, event: Event, name: str) -> Target | None:
        """What to block for this field, if it holds the far end of a connection in the wanted direction."""
        if not self._directed(event, name):
            return None
        found = [target for text in self._texts(event, name) if (target := _parsed(text))]
        outside = [target for target in found if not self._proxies.holding(target.network)]
        if not outside:
            return None
        if self.settings.scope == "port":
            port = _port(event)
            return outside[-1]._replace(port=port) if port else None
        source = outside[-1]
        return source if source.version == 4 else Target.parse(f"{source}/{self.settings.ipv6prefix}")

    def _directed(self, event: Event, name: str) -> bool:
        direction = self.settings.direction
        if direction == "any" or not name.startswith("fd."):
            return True
        serving = event.fields.get("fd.is_server")
        if isinstance(serving, bool) and serving != (direction == "inbound"):
            return False
        # `fd.rip` may be either end, and is sometimes our own.
        return name in {"inbound": ("fd.cip", "fd.name"), "outbound": ("fd.sip", "fd.name")}[direction] or (
            name == "fd.rip" and isinstance(serving, bool)
        )

    def _texts(self, event: Event, name: str) -> Iterator[str]:
        value = event.fields.get(name)
        if name == "fd.name" and isinstance(value, str):
            client, arrow, server = value.partition("->")
            # `client:port->server:port`, IPv6 without brackets: the last colon begins the port.
            end = client if self.settings.direction == "inbound" else server
            yield end.rpartition(":")[0] if arrow else ""
            return
        yield from _texts(value)

    def _offends(self, source: Target, event: Event) -> bool:
        """Counts this alert, once however often it is sent, and says whether its source has reached the threshold."""
        now = event.timestamp_ns / 1e9
        offences = self._offences.setdefault(source, {})
        self._offences.move_to_end(source)
        offences[event.uuid] = now
        for old in [alert for alert, at in offences.items() if at < now - self.settings.window]:
            del offences[old]
        while len(self._offences) > SOURCES:
            self._offences.popitem(last=False)
        return len(offences) >= self.settings.threshold

    def _entry(self, event: Event, source: Target) -> Wanted:
        settings = self.settings
        reason = f"{len(self._offences[source])} alerts within {settings.window:g} s" if settings.threshold > 1 else ""
        return Wanted(
            str(source),
            seconds=settings.life,
            growth=settings.growth,
            reason=reason,
            rule=event.rule,
            alert=event.uuid,
        )

    async def _block(self, entries: list[Wanted]) -> list[Outcome]:
        return (await self._ask(Block(entries, "alert", self.settings.dryrun))).outcomes

    async def _ask(self, request: Block | Stats) -> Answer:
        try:
            return await self._client.ask(request)
        except DaemonError as error:
            raise RetryableError(str(error)) from error
        except RefusedError as error:
            kinds = {"forbidden": MisconfiguredError, "not_attached": MisconfiguredError, "malformed": PermanentError}
            raise kinds.get(error.code, RetryableError)(str(error)) from error


def _texts(value: Any) -> Iterator[str]:
    """The texts of a field: one, several with commas, a list, or (json.value) a list in JSON."""
    if isinstance(value, str) and value.startswith("["):
        try:
            value = json.loads(value)
        except ValueError:
            return
    if isinstance(value, str):
        yield from value.split(",")
    elif isinstance(value, list):
        yield from (text for text in cast(list[Any], value) if isinstance(text, str))


def _parsed(text: str) -> Target | None:
    """The address that a text is; names, `private`, `<NA>` and networks are none."""
    try:
        target = Target.parse(text)
    except MalformedError:
        return None
    return target._replace(port=0) if target.single else None


def _port(event: Event) -> int:
    """This host's port, or 0 when the alert names none."""
    port = event.fields.get("fd.sport") or event.fields.get("fd.lport")
    return port if isinstance(port, int) and 0 < port < 65536 else 0
