"""Outputs whose library blocks: what hangs holds one thread, and is over when the library is."""

import threading
from collections.abc import Mapping, Sequence

import pytest

from sidekick.delivery.connection import Connection
from sidekick.event import Event
from sidekick.sdk import Context, OutputSettings, RetryableError
from sidekick.sdk.blocking import BlockingOutput
from sidekick.sdk.inflight import Verdict
from tests.memory import no_more_threads
from tests.outputs.alerts import alert


class Hanging(BlockingOutput[OutputSettings]):
    """As a file on a share whose server is away."""

    Settings = OutputSettings
    title = "Hanging"
    category = "test"

    def __init__(self) -> None:
        super().__init__(OutputSettings.model_validate({"timeout": "200ms"}), Context())
        self.back = threading.Event()
        self.opened = self.released = 0

    def open(self) -> None:
        self.back.wait()
        self.opened += 1

    def deliver(self, events: Sequence[Event]) -> Mapping[int, Verdict]:
        return {}

    def release(self) -> None:
        self.released += 1


def threads() -> int:
    return sum(thread.name.startswith("hanging") for thread in threading.enumerate())


async def test_a_place_that_hangs_holds_one_thread_until_it_is_back() -> None:
    output = Hanging()
    connection = Connection(output)
    for _ in range(3):
        with pytest.raises(RetryableError):
            await connection.send([alert()])
        await connection.rest()
        assert threads() == 1
    output.back.set()
    await connection.send([alert()])
    assert output.opened == 2, "once for who gave it up, and once anew"
    await connection.close()
    assert threads() == 0


async def test_a_host_without_room_for_a_thread_has_one_later() -> None:
    output = Hanging()
    output.back.set()
    connection = Connection(output)
    with no_more_threads():
        with pytest.raises(RetryableError, match="can't start new thread"):
            await connection.send([alert()])
        await connection.rest()
    await connection.send([alert()])
    assert output.opened == 1
    await connection.close()
    assert threads() == 0
