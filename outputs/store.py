"""The embedded store: alerts in one SQLite file beside the service, for `sidekick events`."""

import sqlite3
from collections.abc import Awaitable, Sequence
from pathlib import Path

from sidekick.sdk import (
    BatchLimits,
    Context,
    Duration,
    Event,
    MisconfiguredError,
    Output,
    OutputSettings,
    RetryableError,
    Size,
    Text,
)
from sidekick.store import Limits, StoreError, Writing


class StoreSettings(OutputSettings):
    """Keys of `store`."""

    path: Text = ""
    """The file; its folder is made if need be."""
    age: Duration = 30 * 86400.0
    """How long an alert is kept."""
    size: Size = 5_000_000_000
    """Most bytes of the file; above it the oldest alerts go."""


class Store(Output[StoreSettings]):
    Settings = StoreSettings
    title = "Store"
    category = "database"
    website = "https://www.sqlite.org"
    arrives = "An event on the page, found by its words, fields and time; `sidekick events` prints it."
    requires = ("path",)
    example = {"path": "data/events.sqlite"}
    limits = BatchLimits(count=1000, linger=1.0)
    idempotent = True

    def __init__(self, settings: StoreSettings, context: Context) -> None:
        super().__init__(settings, context)
        self._path = Path(settings.path)
        self._writing = Writing(self._path, Limits(settings.age, settings.size))

    async def connect(self) -> None:
        await self._do(self._writing.open())

    async def send(self, events: Sequence[Event]) -> None:
        await self._do(self._writing.add(events))

    async def close(self) -> None:
        await self._writing.close()

    async def _do(self, work: Awaitable[None]) -> None:
        try:
            await work
        except StoreError as error:
            raise MisconfiguredError(f"{self._path}: {error}") from None
        except (sqlite3.Error, OSError) as error:
            raise RetryableError(f"cannot write {self._path}: {error}") from None
