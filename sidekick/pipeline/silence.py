"""What people do not want to be told for a while, and why: silences, from the configuration or made while it runs.

A silenced alert stays in the journal, is counted, and goes to the stores all the same; see `Output.heeds_silences`.
"""

import json
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, TypeAdapter, ValidationError

from sidekick.event import Event, new_id
from sidekick.filter import Filter, FilterError, compile_filter
from sidekick.sdk.file import replace_file
from sidekick.sdk.settings import Settings, Text


def _condition(text: str) -> str:
    """Refuses what is no filter."""
    try:
        compile_filter(text)
    except FilterError as error:
        raise ValueError(error.summary) from None
    return text


def _moment(value: Any) -> datetime:
    try:
        moment = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    except ValueError:
        raise ValueError(f"{value!r} is no time: write one such as 2026-05-06T18:00:00Z") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


class SilenceSettings(Settings):
    """An entry of `silences`."""

    filter: Annotated[Text, Field(min_length=1), AfterValidator(_condition)]
    """Condition in Falco's syntax; alerts that meet it are silenced."""
    until: Annotated[datetime, BeforeValidator(_moment)]
    """When it ends, UTC unless it says otherwise. A silence without an end would be a filter."""
    author: Text = ""
    """Who asked for it."""
    reason: Text = ""
    """Why."""


class Silence(SilenceSettings):
    """A silence that is in force or was; `id` names it for good."""

    id: Text


class SilencesError(Exception):
    """The file of silences cannot be used; the message says why, in one line."""


class ConfiguredError(Exception):
    """This silence stands in the configuration, and is to be changed there."""


_kept = TypeAdapter(list[Silence])


class Silences:
    """All silences: those of the configuration, which are fixed, and those added here, kept in a file of their own.

    `clock` gives seconds since 1970. An expired silence does nothing, is not listed, and is dropped from the file when
    that is next written.
    """

    def __init__(
        self, path: Path, configured: Sequence[SilenceSettings] = (), clock: Callable[[], float] = time.time
    ) -> None:
        self._path = path
        self._clock = clock
        self._configured: list[Silence] = []
        self._added = _read(path)
        self._tests: list[tuple[float, Filter, Silence]] = []
        self._lock = Lock()  # people's silences are added by other threads, the configuration's come by the loop
        self.configure(configured)

    def configure(self, configured: Sequence[SilenceSettings]) -> None:
        """Puts other silences in the place of the configuration's."""
        fixed = [Silence(id=f"configured-{n}", **dict(one)) for n, one in enumerate(configured, start=1)]
        with self._lock:
            self._configured = fixed
            self._compile()

    def silencing(self, event: Event) -> Silence | None:
        """The silence that covers this event now, if one does."""
        if not self._tests:
            return None
        now = self._clock()
        return next((silence for end, covers, silence in self._tests if end > now and covers(event)), None)

    def covers(self, event: Event) -> bool:
        return self.silencing(event) is not None

    def active(self) -> list[Silence]:
        """Those in force, the configuration's first."""
        now = self._clock()
        return [silence for silence in (*self._configured, *self._added) if silence.until.timestamp() > now]

    def add(self, wanted: SilenceSettings) -> Silence:
        """Puts a silence in force and keeps it. Raises OSError, and nothing has changed then."""
        silence = Silence(id=new_id(), **dict(wanted))
        self._keep([*self._added, silence])
        return silence

    def remove(self, id: str) -> None:
        """Ends a silence. Raises KeyError, `ConfiguredError`, or OSError, and nothing has changed then."""
        if any(silence.id == id for silence in self._configured):
            raise ConfiguredError(id)
        rest = [silence for silence in self._added if silence.id != id]
        if len(rest) == len(self._added):
            raise KeyError(id)
        self._keep(rest)

    def _keep(self, added: list[Silence]) -> None:
        now = self._clock()
        added = [silence for silence in added if silence.until.timestamp() > now]
        kept = [silence.model_dump(mode="json") for silence in added]
        replace_file(self._path, json.dumps(kept, indent=1).encode())
        with self._lock:
            self._added = added
            self._compile()

    def _compile(self) -> None:
        every = (*self._configured, *self._added)
        self._tests = [(silence.until.timestamp(), compile_filter(silence.filter), silence) for silence in every]


def _read(path: Path) -> list[Silence]:
    try:
        return _kept.validate_json(path.read_bytes())
    except FileNotFoundError:
        return []
    except OSError as error:
        raise SilencesError(f"{path} cannot be read: {error.strerror}") from error
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        raise SilencesError(f"{path} holds no silences ({problem['msg']}): mend it or take it away") from error
