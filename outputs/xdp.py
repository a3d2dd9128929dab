"""Drops packets of the sources that alerts flag, in the kernel: each decision goes to the daemon of `sidekick-xdp`.

The daemon has the last word: it refuses what must stay reachable, whatever an alert says.
"""

import time
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from pydantic import Field

from bpf.client import (
    Answer,
    Block,
    Client,
    DaemonError,
    Outcome,
    RefusedError,
    Stats,
    Target,
    Wanted,
)
from outputs._xdp_source import Sources, SourceSettings
from sidekick.sdk import (
    BatchLimits,
    Context,
    Duration,
    Event,
    Flag,
    MisconfiguredError,
    Output,
    PermanentError,
    RetryableError,
    Text,
)

SOURCES = 10_000
"""Sources whose alerts are counted at once; the one that was quiet for longest is forgotten first."""
ANOTHER_MAY_DO = frozenset({"protected", "special", "not_global"})


class XdpSettings(SourceSettings):
    """Keys of `xdp`."""

    socket: Text = ""
    """The daemon's socket, such as /run/sidekick-xdp/socket."""
    filter: Text = "tags intersects (block_source)"
    """Which alerts block, in Falco's syntax; by default those of rules with the tag `block_source`."""
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
        self._sources = Sources(settings)
        self._client = Client(Path(settings.socket), settings.timeout)
        self._offences: OrderedDict[Target, dict[str, float]] = OrderedDict()

    async def connect(self) -> None:
        await self._ask(Stats())

    async def send(self, events: Sequence[Event]) -> None:
        pending = [self._wanted(event) for event in events]
        while pending := [candidates for candidates in pending if candidates]:
            outcomes = await self._block([candidates.pop(0) for candidates in pending])
            for candidates, outcome in zip(pending, outcomes, strict=True):
                if outcome.refused not in ANOTHER_MAY_DO:
                    candidates.clear()

    async def close(self) -> None:
        await self._client.close()

    def _wanted(self, event: Event) -> list[Wanted]:
        """What this alert asks to block: the first that the daemon does not refuse as one of ours is enough."""
        if self._stale(event):
            return []
        return [self._entry(event, source) for source in self._sources.named(event) if self._offends(source, event)]

    def _stale(self, event: Event) -> bool:
        limit = self.settings.maximumage
        return bool(limit) and event.timestamp_ns < (time.time() - limit) * 1e9

    def _offends(self, source: Target, event: Event) -> bool:
        """Counts this alert, once however often it is sent, and says whether its source has reached the threshold."""
        if self.settings.threshold == 1:
            return True
        now = event.timestamp_ns / 1e9
        offences = self._offences.setdefault(source, {})
        self._offences.move_to_end(source)
        offences[event.uuid] = now
        for old in [alert for alert, at in offences.items() if at < now - self.settings.window]:
            del offences[old]
        if len(offences) > self.settings.threshold:  # more are not needed, and under attack would be many
            del offences[next(iter(offences))]
        while len(self._offences) > SOURCES:
            self._offences.popitem(last=False)
        return len(offences) >= self.settings.threshold

    def _entry(self, event: Event, source: Target) -> Wanted:
        settings = self.settings
        reason = f"{settings.threshold} alerts within {settings.window:g} s" if settings.threshold > 1 else ""
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
