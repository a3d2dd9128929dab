"""Who is known to send alerts, who counts as quiet, and what is left of it after a restart."""

import logging
from pathlib import Path

import msgspec
import pytest

from sidekick.event import Event
from sidekick.pipeline import Senders, SendersSettings, SenderState

HOUR = 3600.0
START = 1_700_000_000.0


def alert(host: str) -> Event:
    return msgspec.structs.replace(Event.test(), rule="Shell", hostname=host)


class Clock:
    now = START

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "senders.json"


def known(path: Path, clock: Clock, **settings: str) -> Senders:
    return Senders(path, SendersSettings.model_validate({"quiet": "1h", "forget": "24h"} | settings), clock)


async def end(senders: Senders) -> None:
    """What running it comes to, at its end."""
    async with senders.running():
        pass


def test_a_host_is_known_by_its_name_and_its_sender(path: Path, clock: Clock) -> None:
    senders = known(path, clock)
    senders.seen(alert("a"))
    clock.now += 10
    senders.seen(alert("a"), "payments")
    clock.now += 10
    senders.seen(alert("a"))
    assert senders.states() == [
        SenderState("a", "", START, START + 20, 2, quiet=False),
        SenderState("a", "payments", START + 10, START + 10, 1, quiet=False),
    ]
    assert senders.counts == (2, 0)


def test_a_test_alert_comes_from_no_host(path: Path, clock: Clock) -> None:
    senders = known(path, clock)
    senders.seen(Event.test())
    assert senders.states() == []


def test_silent_for_longer_than_that_is_quiet_until_it_is_heard_again(path: Path, clock: Clock) -> None:
    senders = known(path, clock)
    senders.seen(alert("a"))
    senders.seen(alert("b"))
    clock.now += HOUR
    assert senders.counts == (2, 0)
    senders.seen(alert("b"))
    clock.now += 1
    assert [(one.host, one.quiet) for one in senders.states()] == [("b", False), ("a", True)]
    assert senders.counts == (2, 1)
    senders.seen(alert("a"))
    assert senders.counts == (2, 0)


@pytest.mark.parametrize("restarted", [False, True])
async def test_a_clock_that_was_years_ahead_hides_nobody_who_is_quiet(
    path: Path, clock: Clock, restarted: bool
) -> None:
    senders = known(path, clock)
    clock.now += 100_000 * HOUR
    senders.seen(alert("a"))
    clock.now = START
    senders.seen(alert("b"))
    await end(senders)
    senders = known(path, clock) if restarted else senders
    clock.now += HOUR + 1
    assert {one.host for one in senders.states() if one.quiet} == {"a", "b"}


def test_who_would_be_forgotten_before_being_flagged_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="who is forgotten is not flagged"):
        SendersSettings.model_validate({"quiet": "8d"})


def test_nobody_is_quiet_when_that_is_off(path: Path, clock: Clock) -> None:
    senders = known(path, clock, quiet="0")
    senders.seen(alert("a"))
    clock.now += 1000 * HOUR
    assert senders.counts == (1, 0)


async def test_the_log_tells_once_who_became_quiet_and_who_is_heard_again(
    path: Path, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    senders = known(path, clock)
    senders.seen(alert("a"))
    senders.seen(alert(""), "payments")
    clock.now += HOUR + 1
    await end(senders)
    await end(senders)
    senders.seen(alert("a"))
    await end(senders)
    assert caplog.messages == [
        "no alert from a host without a name (payments) since 2023-11-14T22:13:20+00:00",
        "no alert from a since 2023-11-14T22:13:20+00:00",
        "alerts again from a",
    ]


async def test_a_host_cannot_write_lines_of_the_log_nor_many_hosts_fill_it(
    path: Path, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    senders = known(path, clock)
    senders.seen(alert("\nCRITICAL all is lost"))
    for number in range(100):
        senders.seen(alert(f"host-{number}"))
    clock.now += HOUR + 1
    await end(senders)
    assert caplog.messages[0] == "no alert from '\\nCRITICAL all is lost' since 2023-11-14T22:13:20+00:00"
    assert (len(caplog.messages), caplog.messages[-1]) == (21, "nor from 81 more hosts")


async def test_a_restart_forgets_nothing(path: Path, clock: Clock) -> None:
    senders = known(path, clock)
    for host in "abca":
        clock.now += 1
        senders.seen(alert(host), "payments")
    await end(senders)
    again = known(path, clock)
    assert again.states() == senders.states()
    again.seen(alert("b"), "payments")
    assert [(one.host, one.count) for one in again.states()] == [("b", 2), ("a", 2), ("c", 1)]


async def test_who_never_comes_back_is_forgotten(path: Path, clock: Clock) -> None:
    senders = known(path, clock)
    senders.seen(alert("a"))
    clock.now += 24 * HOUR + 1
    senders.seen(alert("b"))
    await end(senders)
    assert [one.host for one in senders.states()] == ["b"]
    assert [one.host for one in known(path, clock).states()] == ["b"]


def test_the_number_of_hosts_and_the_length_of_a_name_are_bounded(path: Path, clock: Clock) -> None:
    senders = known(path, clock)
    senders.seen(alert("first"))
    senders.seen(alert("second"))
    senders.seen(alert("first"))
    for number in range(9_999):
        senders.seen(alert(f"{number}-" + "x" * 1000))
    states = senders.states()
    assert len(states) == 10_000
    assert (states[-1].host, states[-1].count) == ("first", 2)
    assert max(len(one.host) for one in states) == 253


async def test_a_file_that_cannot_be_written_is_told_once_and_tried_again(
    tmp_path: Path, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "folder"
    folder.write_text("no folder")
    senders = known(folder / "senders.json", clock)
    senders.seen(alert("a"))
    await end(senders)
    await end(senders)
    assert len([line for line in caplog.messages if "cannot write" in line]) == 1
    folder.unlink()
    await end(senders)
    assert [one.host for one in known(folder / "senders.json", clock).states()] == ["a"]


@pytest.mark.parametrize("content", [b"", b"{", b'[{"host":1}]', b"\xff"])
def test_a_damaged_file_costs_what_it_held_only(
    path: Path, clock: Clock, caplog: pytest.LogCaptureFixture, content: bytes
) -> None:
    path.parent.mkdir()
    path.write_bytes(content)
    senders = known(path, clock)
    senders.seen(alert("a"))
    assert len(senders.states()) == 1
    assert "cannot be read" in caplog.text
