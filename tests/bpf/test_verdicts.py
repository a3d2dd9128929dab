"""Every rule of the kernel program, one packet at a time."""

import struct
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from bpf import schema
from bpf.kernel import Kernel
from bpf.program import Program
from bpf.target import Target
from tests.bpf.rows import DROP, ROWS, Row

HOUR = 3600 * 10**9


@pytest.fixture
def program(bpffs: Path) -> Iterator[Program]:
    with closing(Program(bpffs)) as opened:
        opened.load()
        yield opened


def prepare(pins: Path, row: Row) -> None:
    now = schema.boot_now()
    with closing(Kernel(pins)) as kernel:
        kernel.allow([Target.parse(text).network for text in row.allowed])
        expiries = {text.removeprefix("-"): now - 1 if text.startswith("-") else now + HOUR for text in row.blocked}
        kernel.block({Target.parse(text): expires for text, expires in expiries.items()})


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_the_packet_table(program: Program, bpffs: Path, row: Row) -> None:
    prepare(bpffs, row)

    assert program.run(row.packet).verdict == row.verdict

    with closing(Kernel(bpffs)) as kernel:
        counted = {reason: total for reason, total in kernel.totals().items() if total != (0, 0)}
        hits = [entry for _, entry in kernel.entries() if entry.packets]
    assert counted.pop(row.counted) == (1, len(row.packet))
    # An entry that has expired is counted beside the verdict that then fell.
    assert set(counted) <= ({"expired"} if row.verdict == DROP else {"passed"})
    assert [(entry.packets, entry.octets) for entry in hits] == ([(1, len(row.packet))] if row.verdict == DROP else [])


def test_an_entry_expires_by_itself(program: Program, bpffs: Path) -> None:
    row = next(row for row in ROWS if row.name == "IPv4 address")
    with closing(Kernel(bpffs)) as kernel:
        soon = schema.boot_now() + 50_000_000
        kernel.block({Target.parse(row.blocked[0]): soon})
        assert program.run(row.packet).verdict == DROP
        while schema.boot_now() < soon:
            pass
        assert program.run(row.packet).verdict != DROP


def test_the_names_of_the_totals_are_the_header_s(program: Program) -> None:
    header = Path(schema.__file__).with_name("xdp_block.h").read_text()
    enum = header.split("enum reason {")[1].split("}")[0]
    names = [line.strip(" ,").lower() for line in enum.split() if line.strip(",")]
    assert tuple(names) == (*schema.REASONS, "reasons")
    with closing(program.map(schema.TOTALS)) as totals:
        assert totals.capacity == len(schema.REASONS)
        assert totals.lookup(struct.pack("=I", 0)) is not None
