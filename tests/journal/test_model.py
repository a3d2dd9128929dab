"""Against a simple model: nothing kept is lost, nothing is invented, and order holds, wherever a crash strikes.

A crash is a copy of the directory, as a killed process leaves it, with what may go wrong there: a write without an end,
the loss of everything from some byte on, a changed byte.
"""

import asyncio
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from sidekick.journal import Journal, JournalReader, JournalSettings, Record
from sidekick.journal.record import encode
from tests.journal.conftest import keep, payloads_of, read_all

NAMES = st.sampled_from(["a", "b", "c"])
SIZES = st.integers(0, 120)
SHARE = st.floats(0, 1)
HEADER = len(encode([Record(0, 0, b"")]))
# In memory, for the aim is order and completeness, and fdatasync there costs nothing.
ROOT = "/dev/shm" if Path("/dev/shm").is_dir() else None


class JournalMachine(RuleBasedStateMachine):
    """`log` is what is kept; `pending`, by cursor, what it has still to read."""

    fsync: str

    @initialize(segment=st.integers(40, 600), memory=st.integers(0, 3000))
    def begin(self, segment: int, memory: int) -> None:
        self.runner = asyncio.Runner()
        self.root = Path(tempfile.mkdtemp(dir=ROOT))
        self.keys = {"fsync": self.fsync, "segment": segment, "memory": memory}
        self.lives = 0
        self.count = 0
        self.log: list[bytes] = []
        self.pending: dict[str, list[bytes]] = {}
        self.intact = True
        self.journal = self.opened()
        self.subscribe("a", oldest=True)

    @property
    def directory(self) -> Path:
        return self.root / str(self.lives)

    def opened(self) -> Journal:
        journal = Journal.open(JournalSettings.model_validate(self.keys | {"path": str(self.directory)}))
        self.runner.run(journal.start())
        return journal

    def payload(self, size: int) -> bytes:
        self.count += 1
        return b'{"%06d":"' % self.count + b"x" * size + b'"}'

    def kept(self, payloads: list[bytes]) -> None:
        self.log += payloads
        for pending in self.pending.values():
            pending += payloads

    def lost(self, payload: bytes) -> None:
        self.log.remove(payload)
        for pending in self.pending.values():
            if payload in pending:
                pending.remove(payload)

    @rule(groups=st.lists(st.lists(SIZES, max_size=4), min_size=1, max_size=4))
    def append(self, groups: list[list[int]]) -> None:
        appends = [[self.payload(size) for size in sizes] for sizes in groups]

        async def together() -> None:
            await asyncio.gather(*(keep(self.journal, *payloads) for payloads in appends))

        self.runner.run(together())
        self.kept([payload for payloads in appends for payload in payloads])

    @rule(name=NAMES, oldest=st.booleans())
    def subscribe(self, name: str, oldest: bool) -> None:
        self.journal.cursor(name, start="oldest" if oldest else "newest")
        self.pending.setdefault(name, list(self.log) if oldest else [])

    @rule(name=NAMES)
    def forget(self, name: str) -> None:
        self.journal.forget(name)
        self.pending.pop(name, None)
        self.subscribe("a", oldest=True)

    @rule(name=NAMES, count=st.integers(1, 10), size=st.integers(0, 500), share=SHARE)
    def acknowledge(self, name: str, count: int, size: int, share: float) -> None:
        name = name if name in self.pending else "a"
        cursor, pending = self.journal.cursor(name), self.pending[name]
        records = cursor.read(cursor.position, count, size)
        assert payloads_of(records) == pending[: len(records)]
        assert bool(records) == bool(pending)
        done = round(share * len(records))
        if done:
            cursor.advance(records[done - 1].seq + 1)
            del pending[:done]

    @rule()
    def restart(self) -> None:
        self.runner.run(self.journal.close())
        self.journal = self.opened()

    @rule(sizes=st.lists(SIZES, min_size=1, max_size=4), share=SHARE)
    def kill_during_a_write(self, sizes: list[int], share: float) -> None:
        """The group in the air was never answered: each whole record of it may be there, or not."""
        self.crash()
        segments = sorted(self.directory.glob("*.log"))
        if segments:
            payloads = [self.payload(size) for size in sizes]
            records = [Record(self.journal.next_seq + index, 1, payload) for index, payload in enumerate(payloads)]
            written = round(share * len(encode(records)))
            with segments[-1].open("ab") as file:
                file.write(encode(records)[:written])
            self.kept([p for index, p in enumerate(payloads) if len(encode(records[: index + 1])) <= written])
        self.journal = self.opened()

    @precondition(lambda self: self.fsync != "always")
    @rule(share=SHARE)
    def cut_the_power(self, share: float) -> None:
        """What was not synced is gone from some byte on, though cursors may have passed it."""
        self.crash()
        segments = sorted(self.directory.glob("*.log"))
        if segments:
            data = segments[-1].read_bytes()
            size = round(share * len(data))
            with segments[-1].open("r+b") as file:
                file.truncate(size)
            for payload in list(self.log):
                if (at := data.find(payload)) >= 0 and at + len(payload) > size:
                    self.lost(payload)
        self.intact = False
        self.journal = self.opened()

    @precondition(lambda self: self.log)
    @rule(which=SHARE, where=SHARE, flip=st.integers(1, 255))
    def damage(self, which: float, where: float, flip: int) -> None:
        self.crash()
        payload = self.log[round(which * (len(self.log) - 1))]
        for segment in self.directory.glob("*.log"):
            data = bytearray(segment.read_bytes())
            if (at := data.find(payload)) >= 0:
                data[at - HEADER + round(where * (HEADER + len(payload) - 1))] ^= flip
                segment.write_bytes(data)
        self.lost(payload)
        self.intact = False
        self.journal = self.opened()

    def crash(self) -> None:
        """What a killed process leaves: every file as it is at that moment, none closed."""
        before = self.directory
        self.lives += 1
        shutil.copytree(before, self.directory)
        self.runner.run(self.journal.close())

    @invariant()
    def every_cursor_reads_what_it_has_to(self) -> None:
        for name, pending in self.pending.items():
            cursor = self.journal.cursor(name)
            records = read_all(cursor, count=5, size=400)
            assert payloads_of(records) == pending
            assert [record.seq for record in records] == sorted({record.seq for record in records})
            assert all(cursor.position <= record.seq < self.journal.next_seq for record in records)

    @invariant()
    def a_reader_beside_it_sees_the_same(self) -> None:
        assert payloads_of(list(JournalReader(self.directory).records())) == self.log
        assert not (self.intact and (self.journal.damaged or JournalReader(self.directory).check().damage))

    def teardown(self) -> None:
        if hasattr(self, "journal"):
            self.runner.run(self.journal.close())
            self.runner.close()
            shutil.rmtree(self.root)


@pytest.mark.parametrize("policy", ["everysec", "always", "no"])
def test_the_journal_does_as_the_model(policy: str) -> None:
    machine = type(policy, (JournalMachine,), {"fsync": policy})
    machine.TestCase.settings = settings(
        max_examples=60, stateful_step_count=25, deadline=None, suppress_health_check=[HealthCheck.too_slow]
    )
    machine.TestCase().runTest()
