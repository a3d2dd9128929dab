from pathlib import Path

import pytest

from sidekick.delivery import Roster


def test_what_is_known_and_paused_outlives_the_process(tmp_path: Path) -> None:
    roster = Roster(tmp_path / "data/outputs.json")
    roster.meet("slack", 7)
    roster.meet("kafka", 0)
    roster.meet("slack", 99)
    roster.pause("slack", "mara")

    again = Roster(tmp_path / "data/outputs.json")
    pause = again.paused("slack")
    assert pause
    assert (again.since("slack"), again.since("kafka"), pause.by) == (7, 0, "mara")
    again.resume("slack")
    again.forget("kafka")

    last = Roster(tmp_path / "data/outputs.json")
    assert (last.paused("slack"), last.since("slack"), last.since("kafka")) == (None, 7, None)


def test_a_file_that_is_none_of_ours_is_said_and_pauses_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "outputs.json").write_text("{")
    roster = Roster(tmp_path / "outputs.json")
    assert "no output is paused" in caplog.text
    roster.meet("slack", 1)
    assert Roster(tmp_path / "outputs.json").since("slack") == 1


def test_nothing_changes_where_it_cannot_be_kept(tmp_path: Path) -> None:
    roster = Roster(tmp_path / "outputs.json")
    roster.meet("slack", 1)
    (tmp_path / "outputs.new").mkdir()
    with pytest.raises(OSError, match="directory"):
        roster.pause("slack", "mara")
    assert roster.paused("slack") is None
