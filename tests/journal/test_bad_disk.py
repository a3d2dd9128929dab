"""A disk that does not give some of its blocks."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from sidekick.journal.record import LEAST
from sidekick.journal.segment import HEADER
from tests.journal.conftest import Opener, fill, payloads_of, read_all

pytestmark = pytest.mark.slow
_BLOCK = 4096


class BadDisk:
    """A file system whose last blocks can be taken away, and given back."""

    def __init__(self, root: Path) -> None:
        self.path = root / "disk"
        self._image = root / "image"
        self._taken = b""
        self._end = 0

    def __enter__(self) -> "BadDisk":
        self.path.mkdir()
        run("truncate", "-s", "16M", self._image)
        run("mke2fs", "-q", "-t", "ext4", "-b", str(_BLOCK), "-O", "^has_journal", self._image)
        run("mount", "-o", "loop", self._image, self.path)
        return self

    def take_away(self, file: Path, keep: int) -> None:
        """All blocks of that file but the first `keep`; what lies behind them on the disk goes, too."""
        run("umount", self.path)
        name = f"/{file.relative_to(self.path)}"
        blocks = [int(block) for block in run("debugfs", "-R", f"blocks {name}", self._image).split()]
        run("mount", "-o", "loop", self._image, self.path)
        self._end = blocks[keep] * _BLOCK
        with open(self._image, "r+b") as image:
            image.seek(self._end)
            self._taken = image.read()
            image.truncate(self._end)

    def give_back(self) -> None:
        with open(self._image, "r+b") as image:
            image.seek(self._end)
            image.write(self._taken)

    def __exit__(self, *_: object) -> None:
        run("umount", self.path)


def run(*command: str | Path) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[BadDisk]:
    with BadDisk(tmp_path) as disk:
        yield disk


@pytest.mark.parametrize("fsync", ["everysec"])
@pytest.mark.parametrize("count", [40, 150])
async def test_an_end_that_the_disk_does_not_give_costs_its_records_only_and_stays(
    disk: BadDisk, open_journal: Opener, caplog: pytest.LogCaptureFixture, count: int
) -> None:
    path = str(disk.path / "journal")
    journal = await open_journal(path=path)
    journal.cursor("webhook")
    run("sync", "-f", path)  # so that the cursor lies before the segment
    kept = await fill(journal, count, size=1000)
    await journal.close()
    [segment] = (disk.path / "journal").glob("*.log")
    lost = segment.stat().st_size - len(HEADER) - 19 * (LEAST + len(kept[0]))
    disk.take_away(segment, keep=5)
    journal = await open_journal(path=path)
    assert f"the disk does not give the last {lost} bytes of {segment}" in caplog.text
    assert journal.cut_bytes == 0
    again = await fill(journal, 3, start=count)
    assert payloads_of(read_all(journal.cursor("webhook"))) == kept[:19] + again
    await journal.close()
    disk.give_back()
    journal = await open_journal(path=path)
    assert payloads_of(read_all(journal.cursor("webhook"))) == kept + again


@pytest.mark.parametrize("fsync", ["everysec"])
async def test_a_place_that_the_disk_does_not_give_is_a_damaged_one(disk: BadDisk, open_journal: Opener) -> None:
    path = str(disk.path / "journal")
    journal = await open_journal(path=path)
    kept = await fill(journal, 3)
    run("sync", "-f", path)  # so that the segment lies before the cursor
    journal.cursor("webhook", start="oldest").advance(2)
    await journal.close()
    disk.take_away(disk.path / "journal" / "webhook.cursor", keep=0)
    journal = await open_journal(path=path)
    assert payloads_of(read_all(journal.cursor("webhook"))) == kept
