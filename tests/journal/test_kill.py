"""A process that is killed while it writes."""

import random
import sys
from pathlib import Path
from subprocess import PIPE, Popen

import pytest

from tests.journal.conftest import Opener, read_all


@pytest.mark.slow
async def test_what_was_answered_is_there_after_kill(open_journal: Opener, tmp_path: Path, fsync: str) -> None:
    answered = -1
    for _ in range(5):
        answered = kill_a_writer(tmp_path / "journal", fsync, answered, random.randrange(1, 3000))
    journal = await open_journal(fsync=fsync)
    records = read_all(journal.cursor("reader"))
    assert [record.seq for record in records] == list(range(records[0].seq, records[-1].seq + 1))
    assert all(record.payload == b"%d" % record.seq for record in records)
    assert records[0].seq <= max(0, answered - 40)
    assert records[-1].seq >= answered
    assert journal.damaged == 0


def kill_a_writer(path: Path, fsync: str, answered: int, count: int) -> int:
    """Lets a process write, kills it after so many answers, and gives the last number that it answered."""
    with Popen([sys.executable, "-m", "tests.journal.writer", path, fsync], stdout=PIPE, text=True) as writer:
        assert writer.stdout
        lines = [writer.stdout.readline() for _ in range(count)]
        writer.kill()
        lines += writer.stdout.readlines()
    numbers = [int(line.split()[0]) for line in lines if line.endswith(" None\n")]
    assert len(numbers) >= count
    assert numbers[0] > answered
    return numbers[-1]
