"""Which hosts send alerts, and which have stopped: told apart by their host name and the sender they prove to be.

A Falco that was stopped sends nothing, and neither does one whose host is at peace: all that is to be seen from here
is for how long. A time that a person sets says how long is too long. What a host did before could not say it: alerts
come in bursts, so the mean pause is far too short, and the longest one would learn from each outage to bear the next.
"""

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from itertools import takewhile
from pathlib import Path
from typing import Self

import msgspec
from pydantic import model_validator

from sidekick.event import Event
from sidekick.sdk.file import replace_file
from sidekick.sdk.settings import Duration, Settings

log = logging.getLogger(__name__)
_MOST = 10_000
_LONGEST_NAME = 253  # of a host in the DNS (RFC 1035); whatever is longer was made up to fill our memory
_MOST_TOLD = 20  # hosts in the log at a time
_PAUSE = 5.0  # seconds between two writes, so that a crash forgets no more than these


class SendersSettings(Settings):
    """Keys of `senders`."""

    quiet: Duration = 86400.0
    """How long a host may send nothing before it is flagged; 0: never. Falco sends nothing while no rule fires, so less
    than a day needs its metrics as alerts, which come at their interval whatever happens."""
    forget: Duration = 7 * 86400.0
    """How long after its last alert a host is forgotten, for it will not come back."""

    @model_validator(mode="after")
    def _flagged_before_it_is_forgotten(self) -> Self:
        if self.quiet >= self.forget:
            raise ValueError("senders.quiet must be shorter than senders.forget: who is forgotten is not flagged")
        return self


class SenderState(msgspec.Struct, frozen=True):
    """How one host stands; `first` and `last` alert in seconds since 1970, `sender` its name in `receiver.senders`."""

    host: str
    sender: str
    first: float
    last: float
    count: int
    quiet: bool


class _Host(msgspec.Struct):
    host: str
    sender: str
    first: float
    last: float
    count: int = 1

    @property
    def name(self) -> str:
        # Whoever may send an alert may write anything there, line ends too.
        host = (self.host if self.host.isprintable() else repr(self.host)) or "a host without a name"
        return f"{host} ({self.sender})" if self.sender else host


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(list[_Host]).decode


class Senders:
    """The hosts heard last, at most 10,000 of them, over a restart too.

    `clock` gives seconds since 1970. A file that cannot be read or written costs what it held, never an alert.
    """

    def __init__(self, path: Path, settings: SendersSettings, clock: Callable[[], float] = time.time) -> None:
        self.settings = settings
        """May be replaced at any time."""
        self._path = path
        self._clock = clock
        self._hosts: OrderedDict[tuple[str, str], _Host] = OrderedDict()
        """The one heard last is last, so that the quiet and the forgotten are found without looking at the others."""
        for one in sorted(_read(path), key=lambda one: one.last)[-_MOST:]:
            self._hosts[one.host, one.sender] = one
        self._told = self._quiet_keys()
        self._changed = self._failing = False

    def seen(self, event: Event, sender: str = "") -> None:
        """Notes an accepted alert and by whom it was sent; a test alert comes from no host."""
        if event.rule == Event.TEST_RULE:
            return
        now = self._clock()
        key = event.hostname[:_LONGEST_NAME], sender
        known = self._hosts.get(key)
        if known is None:
            self._hosts[key] = _Host(*key, now, now)
            if len(self._hosts) > _MOST:
                self._hosts.popitem(last=False)
        else:
            known.last = now
            known.count += 1
            self._hosts.move_to_end(key)
        self._changed = True

    def states(self) -> list[SenderState]:
        """All that are known, the one heard last first."""
        quiet = sum(1 for _ in self._quiet())
        return [
            SenderState(one.host, one.sender, one.first, one.last, one.count, at < quiet)
            for at, one in enumerate(self._hosts.values())
        ][::-1]

    @property
    def counts(self) -> tuple[int, int]:
        """How many are known, and how many of these are quiet."""
        return len(self._hosts), sum(1 for _ in self._quiet())

    def _quiet(self) -> Iterator[_Host]:
        if not self.settings.quiet:
            return iter(())
        since = self._clock() - self.settings.quiet
        return takewhile(lambda one: one.last < since, self._hosts.values())

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """Keeps the file beside the block, and logs who has become quiet or is heard again."""
        ended = asyncio.Event()
        task = asyncio.create_task(self._run(ended), name="senders")
        try:
            yield
        finally:
            ended.set()
            await task

    async def _run(self, ended: asyncio.Event) -> None:
        last = False
        while not last:
            try:
                async with asyncio.timeout(_PAUSE):
                    last = await ended.wait()
            except TimeoutError:
                pass
            self._correct()
            self._forget()
            self._tell()
            await self._save()

    def _correct(self) -> None:
        """A clock that was ahead and was set back has left hosts that would be heard of for years to come."""
        now = self._clock()
        for one in self._hosts.values():
            if one.last > now:
                one.last, one.first = now, min(one.first, now)
                self._changed = True

    def _forget(self) -> None:
        since = self._clock() - self.settings.forget
        gone = [key for key, _ in takewhile(lambda item: item[1].last < since, self._hosts.items())]
        for key in gone:
            del self._hosts[key]
            self._changed = True

    def _tell(self) -> None:
        quiet = self._quiet_keys()
        silent = [self._hosts[key] for key in sorted(quiet - self._told)]
        for one in silent[:_MOST_TOLD]:
            log.warning("no alert from %s since %s", one.name, datetime.fromtimestamp(one.last, UTC).isoformat())
        if len(silent) > _MOST_TOLD:
            log.warning("nor from %d more hosts", len(silent) - _MOST_TOLD)
        heard = [self._hosts[key] for key in sorted(self._told - quiet) if key in self._hosts]
        if heard:
            log.info("alerts again from %s", ", ".join(one.name for one in heard[:_MOST_TOLD]))
        self._told = quiet

    def _quiet_keys(self) -> set[tuple[str, str]]:
        return {(one.host, one.sender) for one in self._quiet()}

    async def _save(self) -> None:
        if not self._changed:
            return
        self._changed = False
        content = _encode(list(self._hosts.values()))
        try:
            await asyncio.to_thread(replace_file, self._path, content)
            self._failing = False
        except OSError as error:
            if not self._failing:
                log.warning("cannot write %s: %s", self._path, error.strerror)
            self._failing = self._changed = True


def _read(path: Path) -> list[_Host]:
    try:
        return _decode(path.read_bytes())
    except FileNotFoundError:
        return []
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
        log.warning("%s cannot be read, so what it knew of senders is forgotten: %s", path, error)
        return []
