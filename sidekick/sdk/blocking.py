"""Destinations whose library blocks, or calls back from threads of its own."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence

from sidekick.event import Event
from sidekick.sdk.inflight import Verdict, raise_for
from sidekick.sdk.output import Context, Output, S
from sidekick.sdk.thread import OneThread


class BlockingOutput(Output[S]):
    """Its work is in three methods that block: each runs in a thread of the output's own, one after another."""

    def __init__(self, settings: S, context: Context) -> None:
        super().__init__(settings, context)
        self._thread = OneThread(self.title.lower())
        self._opened = False

    @property
    def patience(self) -> float:
        """Seconds that a method may take, so that its own verdict comes before the engine's time-out."""
        return self.settings.timeout * 0.9

    @abstractmethod
    def open(self) -> None:
        """Gets ready; raises a `DeliveryError`."""

    @abstractmethod
    def deliver(self, events: Sequence[Event]) -> Mapping[int, Verdict]:
        """Returns when each event is acknowledged or given up: the errors by index."""

    @abstractmethod
    def release(self) -> None:
        """Lets go of everything that there is; called after a failed `open` too."""

    async def connect(self) -> None:
        await self.close()
        await self._thread.run(self.open)
        self._opened = True

    async def send(self, events: Sequence[Event]) -> None:
        if not self._opened:
            await self.connect()
        raise_for(await self._thread.run(lambda: self.deliver(events)), len(events))

    async def close(self) -> None:
        self._opened = False
        await self._thread.close(self.release)
