"""A replay of very many alerts takes as much memory as one of few."""

import tracemalloc
from collections.abc import Iterator

from sidekick.delivery import Refusals, ReplayCursor, Worker
from sidekick.journal import Record
from tests.delivery.destination import Destination
from tests.delivery.test_digest import SINGLE, equal


def records(count: int) -> Iterator[Record]:
    (event,) = equal(1)
    for number in range(count):
        yield Record(100 + number, 0, event.json + b" " * 100_000)


async def test_what_is_held_back_for_a_digest_is_not_held_in_memory() -> None:
    output = Destination(limits=SINGLE, group={"window": "1h"})
    cursor = ReplayCursor(records(1000), passed=lambda count: None, ended=lambda: worker.stop())
    worker = Worker("destination", output, cursor, lambda event: True, Refusals())
    tracemalloc.start()
    try:
        await worker.run()
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
    finally:
        tracemalloc.stop()
    assert (worker.counts.delivered, worker.counts.grouped, worker.counts.digests) == (1, 999, 1)
    assert cursor.position == 1000
