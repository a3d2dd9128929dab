"""A batch as single messages in flight at once, each with an answer of its own: what brokers want. And a goodbye to
one that does not answer at all.
"""

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any

from sidekick.sdk.errors import PartialError, PermanentError, RetryableError

Verdict = RetryableError | PermanentError
_PARTING = 1.0  # seconds that a goodbye may take


async def settle(
    sends: Sequence[Coroutine[Any, Any, object]],
    verdict: Callable[[Exception], Verdict],
    gone: "asyncio.Future[Any] | None" = None,
) -> None:
    """Returns when all sends, one an event, have succeeded; raises what their errors amount to.

    `verdict` makes of a library's error one of ours. `gone` is done when the connection is: what has no answer by then
    gets none, and counts as not delivered.
    """
    tasks = [asyncio.ensure_future(send) for send in sends]
    every = asyncio.gather(*tasks, return_exceptions=True)
    try:
        await asyncio.wait([every, gone] if gone else [every], return_when=asyncio.FIRST_COMPLETED)
        errors = {index: found for index, task in enumerate(tasks) if (found := _error(task, verdict))}
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    raise_for(errors, len(tasks))


def raise_for(errors: Mapping[int, Verdict], count: int) -> None:
    """Raises what errors by index of a batch of `count` amount to: one for all where all have the same."""
    if not errors:
        return
    first = next(iter(errors.values()))
    if len(errors) == count and all(type(error) is type(first) for error in errors.values()):
        raise first
    raise PartialError(errors)


def _error(task: "asyncio.Task[object]", verdict: Callable[[Exception], Verdict]) -> Verdict | None:
    if not task.done() or task.cancelled():
        return RetryableError("the connection ended before the answer came")
    error = task.exception()
    if error is None or isinstance(error, Verdict):
        return error
    if isinstance(error, Exception):
        return verdict(error)
    raise error


async def part(goodbye: Coroutine[Any, Any, object], cut: Callable[[], None]) -> None:
    """Runs a library's goodbye, whatever comes of it, and then `cut`, which ends the connection.

    A broker that is there and does not read (paused, or RabbitMQ short of memory) would be waited for without an end.
    """
    parting = asyncio.ensure_future(goodbye)
    parting.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
    try:
        await asyncio.wait([parting], timeout=_PARTING)
        cut()
        await asyncio.wait([parting], timeout=_PARTING)
    finally:
        parting.cancel()
