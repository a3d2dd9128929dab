"""The last refused bodies: bounded in memory and on the disk, and there for another process."""

from pathlib import Path

import pytest

from sidekick.receiver.refused import RefusedLog, read


def test_another_process_reads_what_was_refused(tmp_path: Path) -> None:
    path = tmp_path / "refused.jsonl"
    log = RefusedLog(path)
    log.add("json", b"\xff\x00{", "192.0.2.1:5")
    log.add("method", b"", "192.0.2.1:6")
    assert list(read(path)) == []
    log.flush()
    (entry,) = read(path)
    assert (entry.reason, entry.body, entry.length, entry.peer) == ("json", b"\xff\x00{", 3, "192.0.2.1:5")
    assert log.counts == {"json": 1, "method": 1}


def test_only_the_last_are_kept_and_long_ones_are_cut(tmp_path: Path) -> None:
    path = tmp_path / "refused.jsonl"
    log = RefusedLog(path, count=10, cut=5)
    for number in range(25):
        log.add("json", b"%d-and-more" % number, "")
        log.flush()
    assert [entry.body for entry in log.entries] == [b"%d-an" % number for number in range(15, 25)]
    assert {entry.length for entry in log.entries} == {len("10-and-more")}
    assert list(read(path))[-10:] == list(log.entries)


def test_memory_and_file_stay_within_their_bounds(tmp_path: Path) -> None:
    path = tmp_path / "refused.jsonl"
    log = RefusedLog(path, size=100_000, cut=10_000)
    for _ in range(500):
        log.add("json", bytes(10_000), "")
        log.flush()
        assert sum(len(entry.body) for entry in log.entries) <= 100_000
        assert path.stat().st_size < 500_000
        assert path.stat().st_mode & 0o777 == 0o600
    assert list(read(path))[-len(log.entries) :] == list(log.entries)
    assert log.counts["json"] == 500


def test_a_restart_keeps_them_and_passes_over_a_torn_line(tmp_path: Path) -> None:
    path = tmp_path / "refused.jsonl"
    log = RefusedLog(path)
    for body in (b"one", b"two"):
        log.add("json", body, "")
    log.flush()
    path.write_bytes(path.read_bytes()[:-9])
    log = RefusedLog(path)
    assert [entry.body for entry in log.entries] == [b"one"]
    log.add("json", b"three", "")
    log.flush()
    assert [entry.body for entry in read(path)] == [b"one", b"three"]


def test_a_disk_that_refuses_loses_none_in_memory(tmp_path: Path) -> None:
    path = tmp_path / "missing" / "refused.jsonl"
    log = RefusedLog(path)
    log.add("json", b"one", "")
    log.flush()
    path.parent.mkdir()
    log.add("json", b"two", "")
    log.flush()
    assert [entry.body for entry in read(path)] == [b"one", b"two"]


def test_a_file_that_cannot_be_read_is_no_hindrance(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "refused.jsonl"
    path.mkdir()
    log = RefusedLog(path)
    log.add("json", b"{", "192.0.2.1:1")
    log.flush()
    assert len(log.entries) == 1
    assert "the bodies in it are not shown: Is a directory" in caplog.text
