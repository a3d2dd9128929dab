"""When a running service takes its configuration anew: at SIGHUP, and when one of its files has changed."""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from sidekick.receiver import ListenError, TlsError, notify
from sidekick.settings import Configuration, ConfigurationError
from sidekick.settings.problem import Place, Problem
from sidekick.settings.watch import Mark, Watch, mark_of

log = logging.getLogger(__name__)
_LOOK = 1.0  # seconds between two looks at the files
_READINGS = 5  # at most, of files that change meanwhile
_MOVING = "changed each time that it was read"
_EMPTIED = "is empty now, as a full disk leaves it; one that is meant to say nothing has an empty line"

Load = Callable[[], Configuration]
Take = Callable[[Configuration, set[Path]], Awaitable[None]]
"""Takes a configuration and the files that have changed; raises `ListenError` or `TlsError`, and keeps the old one, or
`OutputsError`, and has taken all else."""
Files = Callable[[Configuration], dict[Path, Mark]]
"""Those that a configuration depends on, certificates included, as they are now or were before it was read."""


class OutputsError(Exception):
    """All outputs that cannot begin, or end, each with its reason; the others are not concerned."""

    def __init__(self, causes: Mapping[str, BaseException]) -> None:
        super().__init__("\n".join(f"{name}: {_told(cause)}" for name, cause in causes.items()))
        self.defects = [cause for cause in causes.values() if not isinstance(cause, OSError)]


class Reload:
    """Loads and takes; what cannot be taken changes nothing and is told, in the log and as `problem`.

    Made before anything is read that the running configuration names, so that no change goes unseen.
    """

    def __init__(self, running: Configuration, load: Load, take: Take, files: Files) -> None:
        self.counts: Counter[str] = Counter()
        """Of `taken` and `refused`."""
        self.problem = ""
        """Why the configuration that is written is not the one that runs; empty while it is."""
        self._load = load
        self._take = take
        self._files = files
        self._running = running
        self._watch = Watch(files(running))
        self._owed: set[Path] = set()
        """What has changed and was not taken yet: the next one to be taken may be another file."""
        self._asked = asyncio.Event()
        self._ended = False

    def ask(self) -> None:
        """Has it done at once, or as soon as it is `running`."""
        self._asked.set()

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """Watches beside the block; a change in hand is brought to its end."""
        task = asyncio.create_task(self._run(), name="reload")
        try:
            yield
        finally:
            self._ended = True
            self._asked.set()
            await task

    async def _run(self) -> None:
        while True:
            await self._wait(_LOOK if self._running.watch else None)
            if self._ended:
                return
            asked = self._asked.is_set()
            self._asked.clear()
            changed = await asyncio.to_thread(self._watch.changed, at_once=asked)
            if asked or changed:
                self._owed |= changed
                await self._reload()

    async def _wait(self, limit: float | None) -> None:
        try:
            async with asyncio.timeout(limit):
                await self._asked.wait()
        except TimeoutError:
            pass

    async def _reload(self) -> None:
        notify(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")
        try:
            new = await self._read()
            files = self._files(new)
            self._follow(files)
            await self._take(new, self._owed)
        except (ConfigurationError, ListenError, TlsError) as error:
            log.error("the configuration cannot be taken, the old one goes on: %s", error)  # noqa: TRY400
            if isinstance(error, ConfigurationError):
                self._follow(error.files)
            self._refuse(str(error))
        except OutputsError as error:
            told = f"the configuration was taken, but for outputs that cannot begin:\n{error}"
            log.error(told)  # noqa: TRY400
            for defect in error.defects:
                log.exception("defect in taking a configuration", exc_info=defect)
            self._refuse(told)
        except Exception as error:
            # A defect, which must not end the watching: the next change may go well.
            log.exception("defect in taking a configuration")
            self._refuse(_told(error))
        else:
            self._running = new
            self._owed = set()
            self._watch.follow(files)
            self.counts["taken"] += 1
            self.problem = ""
            log.info("the configuration was loaded anew")
        finally:
            notify("READY=1")

    async def _read(self) -> Configuration:
        """What is written, as a whole: one with half of its outputs would give up the places of the others."""
        new, moving = await asyncio.to_thread(self._reading)
        for _ in range(_READINGS - 1):
            if moving:
                new, moving = await asyncio.to_thread(self._reading)
        emptied = [file for file, mark in new.files.items() if _emptied(self._running.files.get(file), mark)]
        told = {_MOVING: moving, _EMPTIED: emptied}
        if problems := [Problem(what, place=Place(str(file))) for what, files in told.items() for file in files]:
            raise ConfigurationError(problems, new.files)
        return new

    def _reading(self) -> tuple[Configuration, list[Path]]:
        """What is written, and those of its files that have changed meanwhile."""
        new = self._load()
        return new, [file for file, mark in new.files.items() if mark_of(file) != mark]

    def _follow(self, wanted: Mapping[Path, Mark]) -> None:
        """Looks at these too, for what is refused now may be mended in any of them."""
        self._watch.follow({**self._files(self._running), **wanted})

    def _refuse(self, problem: str) -> None:
        self.counts["refused"] += 1
        self.problem = problem


def _emptied(before: Mark, now: Mark) -> bool:
    return before is not None and now is not None and now.size == 0 < before.size


def _told(cause: BaseException) -> str:
    """A defect's text is for the log alone: it may hold anything."""
    return str(cause) if isinstance(cause, OSError) else f"defect: {type(cause).__name__}"
