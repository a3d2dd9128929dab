from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sidekick.delivery import DeadLetters
from sidekick.journal import Journal, JournalSettings
from tests.delivery.bench import Bench


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    journal = Journal.open(JournalSettings(path=str(tmp_path / "journal"), fsync="no"))
    await journal.start()
    yield Bench(journal, DeadLetters(tmp_path / "dead-letters", "destination"))
    await journal.close()
