"""A journal from outside, by its reader and by `sidekick journal`."""

import json
import time
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from sidekick.commands.journal import command
from sidekick.journal import JournalError, JournalReader
from tests.journal.conftest import Opener, fill, payloads_of, read_all
from tests.journal.test_damage import change

SMALL = {"segment": 1000, "memory": 0}


@pytest.fixture
def fsync() -> str:
    return "everysec"


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "journal"


@pytest.fixture
async def kept(open_journal: Opener) -> list[bytes]:
    journal = await open_journal(**SMALL)
    journal.cursor("webhook").advance(0)
    kept = await fill(journal, 20)
    journal.cursor("webhook").advance(5)
    await journal.close()
    return kept


def run(directory: Path, *arguments: str) -> Result:
    return CliRunner().invoke(command, ["--path", str(directory), *arguments])


async def test_it_reads_while_a_service_writes(open_journal: Opener, directory: Path) -> None:
    journal = await open_journal(**SMALL)
    kept = await fill(journal, 20)
    records = JournalReader(directory).records()
    first = next(records)
    more = await fill(journal, 20, start=20)
    assert payloads_of([first, *records]) == kept
    assert payloads_of(list(JournalReader(directory).records())) == kept + more
    assert run(directory, "check").exit_code == 0


async def test_it_reads_a_span_of_time(open_journal: Opener, directory: Path) -> None:
    journal = await open_journal(**SMALL)
    spans: list[tuple[int, list[bytes]]] = []
    for start in (0, 10, 20):
        spans.append((time.time_ns(), await fill(journal, 10, start=start)))
    reader = JournalReader(directory)
    assert payloads_of(list(reader.records(since_ns=spans[1][0]))) == spans[1][1] + spans[2][1]
    assert payloads_of(list(reader.records(since_ns=spans[1][0], until_ns=spans[2][0]))) == spans[1][1]
    assert payloads_of(list(reader.records(until_ns=spans[1][0]))) == spans[0][1]
    assert list(reader.records(since_ns=time.time_ns())) == []


async def test_it_finds_the_number_of_a_time(open_journal: Opener, directory: Path) -> None:
    journal = await open_journal(**SMALL)
    times: list[int] = []
    for start in range(0, 30, 10):
        times.append(time.time_ns())
        await fill(journal, 10, start=start)
    reader = JournalReader(directory)
    assert [reader.position(at) for at in (0, *times)] == [0, 0, 10, 20]
    assert reader.position(time.time_ns()) is None


async def test_it_finds_a_record_by_its_beginning(open_journal: Opener, directory: Path) -> None:
    journal = await open_journal(**SMALL)
    start = time.time_ns()
    kept = await fill(journal, 30)
    reader = JournalReader(directory)
    for seq, payload in enumerate(kept):
        record = reader.find(payload[:20], start, time.time_ns())
        assert record
        assert (record.seq, record.payload) == (seq, payload)
    assert reader.find(b'{"number":00000031', start, time.time_ns()) is None
    hour = 3600 * 10**9
    assert reader.find(kept[0][:20], start + hour, start + 2 * hour) is None
    assert reader.find(kept[0][:20], start, time.time_ns(), most=1500) is None


def files(directory: Path, pattern: str) -> list[Path]:
    return sorted(directory.glob(pattern))


def test_where_there_is_no_journal(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="no journal"):
        JournalReader(tmp_path)
    result = run(tmp_path, "check")
    assert result.exit_code == 2
    assert "no journal" in result.output


def test_check_of_a_sound_journal(kept: list[bytes], directory: Path) -> None:
    result = run(directory, "check")
    assert result.exit_code == 0
    assert "20 alerts in 3 files" in result.output
    assert "webhook: 15 alerts wait" in result.output
    report = json.loads(run(directory, "check", "--json").stdout)
    assert (report["records"], report["missing"], report["damage"], report["sound"]) == (20, 0, [], True)
    assert report["bytes"] == sum(file.stat().st_size for file in directory.glob("*.log"))
    assert report["cursors"] == {"webhook": 5}


def test_check_names_what_is_damaged(kept: list[bytes], directory: Path) -> None:
    change(directory, kept[3])
    (directory / "webhook.cursor").write_bytes(b"")
    result = run(directory, "check")
    assert result.exit_code == 1
    assert f"{0:020}.log: bytes 401 to 529 cannot be read" in result.output
    assert "1 alerts are missing" in result.output
    assert "webhook: its place cannot be read" in result.output
    report = json.loads(run(directory, "check", "--json").stdout)
    assert report["damage"] == [{"file": f"{0:020}.log", "start": 401, "end": 529}]
    assert report["cursors"] == {"webhook": None}
    assert not report["sound"]


def test_a_write_without_an_end_is_no_damage(kept: list[bytes], directory: Path) -> None:
    last = max(directory.glob("*.log"))
    last.write_bytes(last.read_bytes()[:-3])
    result = run(directory, "check")
    assert result.exit_code == 0
    assert "The last 125 bytes are a write without an end" in result.output


async def test_repair_leaves_a_sound_journal(kept: list[bytes], directory: Path, open_journal: Opener) -> None:
    change(directory, kept[3])
    first, *_, last = files(directory, "*.log")
    first.write_bytes(b"S" + first.read_bytes()[1:])
    last.write_bytes(last.read_bytes()[:-3])
    (directory / "webhook.cursor").write_bytes(b"")
    damaged, changed = first.read_bytes(), first.stat().st_mtime_ns
    assert run(directory, "check").exit_code == 1
    assert run(directory, "repair").exit_code == 0
    report = json.loads(run(directory, "check", "--json").stdout)
    assert (report["sound"], report["unfinished"], report["records"]) == (True, 0, 18)
    assert [file.read_bytes() for file in files(directory, "*.damaged")] == [damaged]
    assert first.stat().st_mtime_ns == changed
    assert files(directory, "*.repair") == []
    journal = await open_journal(**SMALL)
    assert payloads_of(read_all(journal.cursor("webhook"))) == kept[:3] + kept[4:-1]
    assert journal.damaged == 0


def test_repair_of_a_sound_journal_changes_nothing(kept: list[bytes], directory: Path) -> None:
    before = {file: file.read_bytes() for file in directory.iterdir() if file.name != "lock"}
    assert run(directory, "repair").exit_code == 0
    assert {file: file.read_bytes() for file in directory.iterdir() if file.name != "lock"} == before


async def test_repair_keeps_off_while_a_service_writes(open_journal: Opener, directory: Path) -> None:
    await open_journal()
    result = run(directory, "repair")
    assert result.exit_code == 1
    assert "in use by process" in result.output


def test_export_writes_the_alerts_as_lines(kept: list[bytes], directory: Path, tmp_path: Path) -> None:
    change(directory, kept[3])
    wanted = b"".join(payload + b"\n" for payload in kept[:3] + kept[4:])
    result = run(directory, "export")
    assert (result.exit_code, result.stdout_bytes) == (0, wanted)
    assert result.stderr == "19 alerts exported.\n"
    assert run(directory, "export", "--since", "1h", "-o", str(tmp_path / "out")).exit_code == 0
    assert (tmp_path / "out").read_bytes() == wanted
    assert run(directory, "export", "--until", "1h").stdout_bytes == b""
    assert run(directory, "export", "--since", "soon").exit_code == 2
