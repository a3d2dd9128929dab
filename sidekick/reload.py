"""When a running service takes its configuration anew: at SIGHUP, and when one of its files has changed."""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

from sidekick.receiver import ListenError, TlsError, notify
from sidekick.settings import Configuration, ConfigurationError
from sidekick.settings.watch import Watch

log = logging.getLogger(__name__)
_LOOK = 1.0  # seconds between two looks at the files

Load = Callable[[], Configuration]
Take = Callable[[Configuration, set[Path]], Awaitable[None]]
"""Takes a configuration and the files that have changed; raises `ListenError` or `TlsError`, and keeps the old one."""


class Reload:
    """Loads and takes; what cannot be taken changes nothing and is told, in the log and as `problem`.

    `files` names those that a configuration depends on, certificates included.
    """

    def __init__(self, load: Load, take: Take, files: Callable[[Configuration], Iterable[Path]]) -> None:
        self.counts: Counter[str] = Counter()
        """Of `taken` and `refused`."""
        self.problem = ""
        """Why the configuration that is written is not the one that runs; empty while it is."""
        self._load = load
        self._take = take
        self._files = files
        self._asked = asyncio.Event()
        self._ended = False

    def ask(self) -> None:
        """Has it done at once, or as soon as it is `running`."""
        self._asked.set()

    @asynccontextmanager
    async def running(self, configuration: Configuration) -> AsyncGenerator[None]:
        """Watches beside the block; a change in hand is brought to its end."""
        task = asyncio.create_task(self._run(configuration), name="reload")
        try:
            yield
        finally:
            self._ended = True
            self._asked.set()
            await task

    async def _run(self, running: Configuration) -> None:
        watch = Watch(self._files(running))
        owed: set[Path] = set()  # what has changed and was not taken yet: the next one to be taken may be another file
        while True:
            await self._wait(_LOOK if running.watch else None)
            if self._ended:
                return
            asked = self._asked.is_set()
            self._asked.clear()
            changed = await asyncio.to_thread(watch.changed, at_once=asked)
            if asked or changed:
                owed |= changed
                running = await self._reload(running, owed)
                if not self.problem:
                    owed = set()
                watch.follow(self._files(running))

    async def _wait(self, limit: float | None) -> None:
        try:
            async with asyncio.timeout(limit):
                await self._asked.wait()
        except TimeoutError:
            pass

    async def _reload(self, running: Configuration, changed: set[Path]) -> Configuration:
        notify(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")
        try:
            new = await asyncio.to_thread(self._load)
            await self._take(new, changed)
        except (ConfigurationError, ListenError, TlsError) as error:
            log.error("the configuration cannot be taken, the old one goes on: %s", error)  # noqa: TRY400
            return self._refused(running, str(error))
        except Exception as error:
            # A defect, which must not end the watching: the next change may go well.
            log.exception("defect in taking a configuration")
            return self._refused(running, f"defect: {type(error).__name__}")
        else:
            self.counts["taken"] += 1
            self.problem = ""
            log.info("the configuration was loaded anew")
            return new
        finally:
            notify("READY=1")

    def _refused(self, running: Configuration, problem: str) -> Configuration:
        self.counts["refused"] += 1
        self.problem = problem
        return running
