"""An output as its worker uses it: connected when there is something to send, and never closed under a send."""

import asyncio
import logging
import traceback
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from sidekick.delivery.discretion import Discretion
from sidekick.event import Event
from sidekick.sdk.errors import DeliveryError, MisconfiguredError, PermanentError, RetryableError
from sidekick.sdk.output import Output

log = logging.getLogger(__name__)


class DefectError(PermanentError):
    """The output itself has failed, so this says nothing of its destination."""


class Connection:
    """Of one output. Several sends may be in flight at once; to connect or to close waits until none is."""

    def __init__(self, output: Output[Any]) -> None:
        self.open = False
        self._output = output
        self._limit = output.settings.timeout
        self._discretion = Discretion(output.settings)
        self._told: set[tuple[str, int | None]] = set()
        """Places in the code whose defect the log has told of."""
        self._sending = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._turn = asyncio.Lock()

    async def connect(self) -> None:
        """Returns when it is open; raises a `RetryableError`, for no event is to blame."""
        async with self._turn:
            if self.open:
                return
            await self._idle.wait()
            try:
                await self._call(self._output.connect)
            except PermanentError as error:
                raise MisconfiguredError(str(error)) from error
            self.open = True

    async def send(self, events: Sequence[Event]) -> None:
        """One try, connected before where needed; raises nothing but `DeliveryError`s."""
        await self.connect()
        self._sending += 1
        self._idle.clear()
        try:
            await self._call(lambda: self._output.send(events))
        finally:
            self._sending -= 1
            if not self._sending:
                self._idle.set()

    def distrust(self) -> None:
        """The next send connects anew."""
        self.open = False

    async def rest(self) -> None:
        """Before a pause: lets go of what is no longer trusted, unless others are still sending by it."""
        async with self._turn:
            if not self.open and not self._sending:
                await self._let_go()

    async def close(self) -> None:
        """For good, or until the next send."""
        self.open = False
        await self._let_go()

    async def _let_go(self) -> None:
        """Within the time of a try: who cannot even be left must hold up neither the next try nor the end."""
        try:
            await self._call(self._output.close)
        except DeliveryError as error:
            log.debug("%s was not closed in order: %s", self._output.title, error)

    async def _call(self, method: Callable[[], Awaitable[None]]) -> None:
        try:
            await _translated(method, self._limit)
        except DeliveryError as error:
            if isinstance(error, DefectError) and error.__cause__:
                self._tell(error.__cause__)
            self._discretion(error)
            raise

    def _tell(self, defect: BaseException) -> None:
        """A traceback once for each place: a defect that all alerts meet would fill the disk with them."""
        last = traceback.extract_tb(defect.__traceback__)[-1]
        if (place := (last.filename, last.lineno)) not in self._told:
            self._told.add(place)
            log.error("defect in the output %s", self._output.title, exc_info=defect)


async def _translated(call: Callable[[], Awaitable[None]], limit: float) -> None:
    """Runs an output's method within `limit` seconds and lets out nothing but a `DeliveryError`."""
    try:
        async with asyncio.timeout(limit):
            await call()
    except DeliveryError:
        raise
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise
        # Nobody has cancelled us: what the output waited for was given up, and that must not end its worker unseen.
        raise RetryableError("the connection was given up") from None
    except TimeoutError:
        raise RetryableError(f"no answer within {limit:g} s") from None
    except OSError as error:
        raise RetryableError(f"the connection failed: {error.strerror or type(error).__name__}") from error
    except Exception as error:
        # A defect of the output: blamed on the events, so that the one that provokes it is found and set aside.
        raise DefectError(f"defect in this output: {type(error).__name__}") from error
