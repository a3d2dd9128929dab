"""One output under test, and what stands at the other end of its connection."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any, cast
from urllib.parse import urlsplit

from sidekick.event import Event
from sidekick.sdk.errors import DeliveryError, PartialError, PermanentError, RetryableError
from sidekick.sdk.http import Answer, Request
from sidekick.sdk.output import Context, HttpOutput, Output
from sidekick.sdk.testing.loopback import Loopback, Script, loopback, takes_all

PATIENCE = 20.0
MOST_TRIES = 200


async def _never(event: Event) -> bool:
    return False


@dataclass
class Receiver:
    """A destination that you run: the settings that reach it, and whether an event is there."""

    settings: Mapping[str, Any]
    arrived: Callable[[Event], Awaitable[bool]]
    nowhere: Mapping[str, Any] | None = None
    """Settings that lead to no destination (a closed port), for an output that connects to one."""


@dataclass
class Bench:
    """An output type, and what `http` or `receiver` its events go to."""

    type: type[Output[Any]]
    receiver: Receiver = field(default_factory=lambda: Receiver({}, _never))
    accept: Script = takes_all
    """How the destination of an HTTP output says yes."""
    sending: Sequence[Event] = ()
    """The events of the `send` that runs now."""

    def settings(self, **changes: Any) -> Any:
        return self.type.Settings.model_validate({**self.type.example, **self.receiver.settings, **changes})

    @asynccontextmanager
    async def output(self, **changes: Any) -> AsyncGenerator[Output[Any]]:
        """A connected output, closed at the end."""
        output = self.type(self.settings(**changes), Context())
        try:
            await output.connect()
            yield output
        finally:
            await output.close()

    @asynccontextmanager
    async def http(self, **changes: Any) -> AsyncGenerator[tuple[HttpOutput[Any], Loopback]]:
        """A connected HTTP output whose every request goes to a server on loopback, wherever its settings point."""
        async with loopback(self.accept) as server:
            output = _diverted(cast("type[HttpOutput[Any]]", self.type), server)(self.settings(**changes), Context())
            try:
                await output.connect()
                server.requests.clear()
                yield output, server
            finally:
                await output.close()

    async def send(self, output: Output[Any], events: Sequence[Event]) -> None:
        self.sending = events
        try:
            async with asyncio.timeout(PATIENCE):
                await output.send(events)
        finally:
            self.sending = ()

    async def refusal(self, output: Output[Any], events: Sequence[Event]) -> DeliveryError:
        """The error that a send raises; a batch that is refused item by item counts as its first refusal."""
        try:
            await self.send(output, events)
        except PartialError as error:
            return next(iter(error.errors.values()))
        except DeliveryError as error:
            return error
        raise AssertionError("no error was raised")

    async def deliver(self, output: Output[Any], events: Sequence[Event]) -> list[Event]:
        """Sends as the engine does, without its pauses: in batches, again what may be; gives what was refused."""
        dead: list[Event] = []
        waiting = batches(events, output.batch.count)
        for _ in range(MOST_TRIES):
            if not waiting:
                return dead
            batch = waiting.pop(0)
            try:
                await self.send(output, batch)
            except PartialError as error:
                dead += [batch[at] for at, verdict in error.errors.items() if isinstance(verdict, PermanentError)]
                again = [batch[at] for at, verdict in error.errors.items() if isinstance(verdict, RetryableError)]
                waiting = [again, *waiting] if again else waiting
            except RetryableError:
                await output.close()
                await output.connect()
                waiting.insert(0, batch)
            except PermanentError:
                dead += batch if len(batch) == 1 else []
                halves = batches(batch, len(batch) // 2) if len(batch) > 1 else []
                waiting = halves + waiting
        raise AssertionError(f"not delivered after {MOST_TRIES} tries")


def _diverted(kind: type[HttpOutput[Any]], server: Loopback) -> type[HttpOutput[Any]]:
    class Diverted(kind):  # type: ignore[misc, valid-type]
        async def request(self, request: Request) -> Answer:
            parts = urlsplit(request.url)
            query = f"?{parts.query}" if parts.query else ""
            return await super().request(replace(request, url=f"{server.url}{parts.path or '/'}{query}"))

    return Diverted


def batches(events: Sequence[Event], size: int) -> list[list[Event]]:
    return [list(events[start : start + size]) for start in range(0, len(events), size)]
