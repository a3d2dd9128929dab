"""kill -9 in the middle of the store's transactions: it then holds what the journal holds, each alert once."""

from collections import Counter
from pathlib import Path

import pytest

from sidekick.journal import JournalReader
from sidekick.store import Reader, Search
from tests.deadline import until
from tests.faults.falco import id_of, number_of
from tests.faults.sidekick import Sidekick
from tests.faults.test_crash import through_ends

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]
KILLS = 12


async def stored(path: Path) -> list[bytes]:
    """Every alert of the store, as canonical JSON."""
    reader = Reader(path, limit=30)
    try:
        page = await reader.find(Search(limit=1_000_000))
    finally:
        await reader.close()
    assert page.complete
    return [event.alert for event in page.events]


async def test_kills_under_load_leave_no_gap_and_no_double(tmp_path: Path) -> None:
    path = tmp_path / "events.sqlite"
    # Batches of a few alerts, so that nearly every kill falls into a transaction or between it and its cursor.
    sidekick = Sidekick(tmp_path, store={"path": str(path), "batch": {"count": 20, "linger": "1ms"}})
    accepted = await through_ends(sidekick, KILLS, sidekick.kill)
    with sidekick:
        await until(lambda: sidekick.metric("sidekick_output_lag_records", output="store") == 0)
        found = await stored(path)
    journalled = [id_of(record.payload) for record in JournalReader(tmp_path / "journal").records()]
    assert Counter(map(id_of, found)) == Counter(journalled)
    assert set(Counter(journalled).values()) == {1}
    assert accepted <= set(map(number_of, found))
