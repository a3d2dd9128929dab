"""The workers that run, each in a task of its own, and how they come and go."""

import asyncio
import logging
from collections.abc import Iterable, Iterator, Mapping

from sidekick.delivery.worker import Worker

log = logging.getLogger(__name__)
_RESTART_PAUSE = 5.0


class Workers(Mapping[str, Worker]):
    """By the name of their output."""

    def __init__(self) -> None:
        self._workers: dict[str, Worker] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def __getitem__(self, name: str) -> Worker:
        return self._workers[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._workers)

    def __len__(self) -> int:
        return len(self._workers)

    def start(self, worker: Worker) -> None:
        self._workers[worker.name] = worker
        self._tasks[worker.name] = asyncio.create_task(_supervised(worker), name=worker.name)

    async def stop(self, names: Iterable[str], grace: float, *, drain: bool = True) -> None:
        """Ends those workers, after `grace` seconds at the latest; with `drain`, what waits is delivered before, as far
        as their destinations take it."""
        tasks = [self._tasks.pop(name) for name in names]
        for task in tasks:
            self._workers[task.get_name()].stop(drain=drain)
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=grace)
            for task in late:
                log.warning(
                    "%s: still sending after %g s; what it sends now will be sent again", task.get_name(), grace
                )
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        for task in tasks:
            del self._workers[task.get_name()]


async def _supervised(worker: Worker) -> None:
    """Runs a worker; a defect in one must not end the others, so it is logged and the worker starts anew."""
    while True:
        try:
            return await worker.run()
        except Exception:
            log.exception("%s: defect in delivery; starting anew in %g s", worker.name, _RESTART_PAUSE)
            await asyncio.sleep(_RESTART_PAUSE)
