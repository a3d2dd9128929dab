"""Silences: what they cover, for how long, and that they outlive the process."""

from datetime import UTC, datetime
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from pydantic import ValidationError

from outputs.file import File
from outputs.webhook import Webhook
from sidekick.event import Event, decode
from sidekick.pipeline import ConfiguredError, Silences, SilencesError, SilenceSettings
from sidekick.sdk import Context

NOON = datetime(2026, 5, 6, 12, tzinfo=UTC).timestamp()


class Clock:
    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> float:
        return self.now


def alert(rule: str) -> Event:
    return decode(b'{"rule":"%b","priority":"Error","time":"2026-05-06T07:08:09Z"}' % rule.encode())[0]


def settings(**values: Any) -> SilenceSettings:
    return SilenceSettings.model_validate({"filter": "rule = Shell", "until": "2026-05-06T13:00:00Z"} | values)


def test_a_silence_covers_what_meets_its_filter_until_it_ends(tmp_path: Path) -> None:
    clock = Clock()
    silences = Silences(tmp_path / "silences.json", clock=clock)
    assert not silences.covers(alert("Shell"))
    added = silences.add(settings(author="ann", reason="test"))
    assert silences.silencing(alert("Shell")) == added
    assert silences.silencing(alert("Other")) is None
    clock.now += 3600
    assert silences.silencing(alert("Shell")) is None
    assert silences.active() == []


def test_what_was_added_is_there_in_the_next_process_and_what_expired_is_dropped(tmp_path: Path) -> None:
    clock, path = Clock(), tmp_path / "data" / "silences.json"
    silences = Silences(path, clock=clock)
    silences.add(settings())
    later = silences.add(settings(until="2026-05-06T18:00:00+02:00", filter="rule = Later"))
    assert Silences(path, clock=clock).active() == silences.active()
    clock.now = later.until.timestamp() - 1
    more = Silences(path, clock=clock).add(settings(until="2026-05-07"))
    assert Silences(path, clock=Clock()).active() == [later, more]


def test_a_removed_silence_is_gone_for_good(tmp_path: Path) -> None:
    path = tmp_path / "silences.json"
    silences = Silences(path, clock=Clock())
    added = silences.add(settings())
    silences.remove(added.id)
    assert silences.active() == Silences(path, clock=Clock()).active() == []
    assert not silences.covers(alert("Shell"))
    with pytest.raises(KeyError):
        silences.remove(added.id)


def test_a_silence_of_the_configuration_is_fixed(tmp_path: Path) -> None:
    path = tmp_path / "silences.json"
    silences = Silences(path, [settings()], Clock())
    (configured,) = silences.active()
    with pytest.raises(ConfiguredError):
        silences.remove(configured.id)
    silences.add(settings(filter="rule = Other"))
    assert len(Silences(path, clock=Clock()).active()) == 1, "the file holds what was added alone"


def test_what_cannot_be_kept_is_not_in_force(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    silences = Silences(tmp_path / "silences.json", clock=Clock())
    (tmp_path / "silences.new").mkdir()
    with pytest.raises(OSError, match="silences"):
        silences.add(settings())
    assert silences.active() == []


@pytest.mark.parametrize("content", ["", "{}", "[{}]", '[{"id": "x", "filter": "rule =", "until": "2030-01-01"}]'])
def test_a_damaged_file_is_said_in_one_line(tmp_path: Path, content: str) -> None:
    path = tmp_path / "silences.json"
    path.write_text(content)
    with pytest.raises(SilencesError, match=r"silences\.json holds no silences") as caught:
        Silences(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [({"filter": ""}, "at least 1"), ({"filter": "rule ="}, "character 7"), ({"until": "soon"}, "no time")],
)
def test_a_silence_that_says_nothing_is_refused(wrong: dict[str, str], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        settings(**wrong)


def test_stores_heed_no_silence_unless_they_are_told_to() -> None:
    heeds = [
        output(output.Settings.model_validate(chosen), Context()).heeds_silences
        for output in (Webhook, File)
        for chosen in ({}, {"silences": True}, {"silences": False})
    ]
    assert heeds == [True, True, False, False, True, False]


def test_what_people_add_while_the_configuration_changes_is_in_force(tmp_path: Path) -> None:
    silences = Silences(tmp_path / "silences.json", clock=Clock())
    configured = [settings(filter=f"rule = Configured{n}") for n in range(50)]
    rules = [f"Added{n}" for n in range(100)]

    def add() -> None:
        for rule in rules:
            silences.add(settings(filter=f"rule = {rule}"))
            missing.extend([] if silences.covers(alert(rule)) else [rule])

    missing: list[str] = []
    people = Thread(target=add)
    people.start()
    while people.is_alive():
        silences.configure(configured)
    people.join()
    assert missing == []
    assert [rule for rule in rules if not silences.covers(alert(rule))] == []
