from pathlib import Path

import pytest

from sidekick.delivery import Roster


def test_what_is_known_and_paused_outlives_the_process(tmp_path: Path) -> None:
    roster = Roster(tmp_path / "data/outputs.json")
    roster.settle({"slack": 7, "kafka": 0})
    roster.settle({"slack": 99, "kafka": 99})
    roster.pause("slack", "mara")

    again = Roster(tmp_path / "data/outputs.json")
    pause = again.paused("slack")
    assert pause
    assert (again.since("slack"), again.since("kafka"), pause.by) == (7, 0, "mara")
    again.resume("slack")
    again.settle({"slack": 99})

    last = Roster(tmp_path / "data/outputs.json")
    assert (last.paused("slack"), last.since("slack"), last.since("kafka")) == (None, 7, None)


@pytest.mark.parametrize("content", [b"{", b'{"a\xff":{"since":1}}'])
def test_a_file_that_is_none_of_ours_is_said_and_pauses_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, content: bytes
) -> None:
    (tmp_path / "outputs.json").write_bytes(content)
    roster = Roster(tmp_path / "outputs.json")
    assert "no output is paused" in caplog.text
    roster.settle({"slack": 1})
    assert Roster(tmp_path / "outputs.json").since("slack") == 1


def test_a_change_that_cannot_be_kept_is_none(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    roster = Roster(tmp_path / "outputs.json")
    roster.settle({"slack": 1})
    (tmp_path / "outputs.new").mkdir()
    with pytest.raises(OSError, match="directory"):
        roster.pause("slack", "mara")
    assert roster.paused("slack") is None
    with pytest.raises(KeyError):
        roster.pause("kafka", "mara")
    roster.settle({"slack": 1, "kafka": 5})  # a start goes on without
    assert "cannot be written" in caplog.text
    assert roster.since("kafka") == 5
