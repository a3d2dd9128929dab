"""A destination that refuses very many fills the dead letters and not the log."""

from collections.abc import Sequence

import pytest

from sidekick.delivery.notices import Notices
from sidekick.event import Event
from sidekick.sdk import PermanentError
from tests.deadline import until
from tests.delivery.bench import Bench, alerts
from tests.delivery.destination import Destination


class Refusing(Destination):
    async def send(self, events: Sequence[Event]) -> None:
        raise PermanentError("bad")


async def test_the_first_is_told_at_once_and_the_others_together(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    events = alerts(200)
    worker = bench.worker(Refusing())
    async with bench.running(worker):
        await bench.append(events)
        await until(lambda: worker.counts.dead == 200)
        assert caplog.messages == [f"destination: dead letter {events[0].uuid}: bad"]
    assert caplog.messages[1:] == [f"destination: 199 more dead letters, the last {events[-1].uuid}: bad"]
    assert len(bench.letters.letters()) == 200


async def test_what_came_meanwhile_is_told_when_the_time_is_over(caplog: pytest.LogCaptureFixture) -> None:
    notices = Notices("slack", every=0.01)
    one, two, three, four = alerts(4)
    for event in (one, two, three):
        notices.tell(event, PermanentError("bad"))
    assert caplog.messages == [f"slack: dead letter {one.uuid}: bad"]
    await until(lambda: len(caplog.messages) == 2)
    assert caplog.messages[1] == f"slack: 2 more dead letters, the last {three.uuid}: bad"
    notices.tell(four, PermanentError("no"))
    await until(lambda: len(caplog.messages) == 3)
    assert caplog.messages[2] == f"slack: dead letter {four.uuid}: no"
    notices.flush()
    assert len(caplog.messages) == 3
