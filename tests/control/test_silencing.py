from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sidekick.control import RefusedError
from sidekick.control.silencing import Silencing
from sidekick.control.trail import Trail
from sidekick.pipeline import Silences, SilenceSettings

WANTED = SilenceSettings(
    filter="rule = noise", until=datetime.now(UTC) + timedelta(hours=1), author="mara", reason="a drill"
)


async def test_a_silence_is_made_and_ended_and_both_are_told(tmp_path: Path) -> None:
    trail = Trail(tmp_path / "trail.jsonl")
    silencing = Silencing(Silences(tmp_path / "silences.json"), trail)
    silence = await silencing.add(WANTED)
    assert list(silencing.active()) == [silence]
    await silencing.remove(silence.id, "tom")
    assert not silencing.active()
    told = [(entry.by, entry.action, entry.target) for entry in await trail.entries()]
    assert told == [("tom", "end silence", "rule = noise"), ("mara", "silence", "rule = noise")]
    assert "a drill" in (await trail.entries())[1].detail


async def test_what_cannot_be_ended_says_why(tmp_path: Path) -> None:
    silencing = Silencing(Silences(tmp_path / "silences.json", [WANTED]), Trail(tmp_path / "trail.jsonl"))
    with pytest.raises(RefusedError, match="stands in the configuration"):
        await silencing.remove("configured-1", "mara")
    with pytest.raises(RefusedError, match="no such silence"):
        await silencing.remove("never", "mara")


async def test_a_disk_that_refuses_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "silences.new").mkdir()
    silencing = Silencing(Silences(tmp_path / "silences.json"), Trail(tmp_path / "trail.jsonl"))
    with pytest.raises(RefusedError, match="cannot be kept"):
        await silencing.add(WANTED)
    assert not silencing.active()
