"""Answers for people: whole addresses however narrow the terminal is, and a line a row where nobody looks."""

import time

import pytest

from bpf import table
from bpf.protocol import Row

TARGET = "[2001:db8:1234:5678:9abc:def0:1234:5678]:22"
REASON = "a reason that somebody wrote at some length"


def rows() -> list[Row]:
    now = time.time()
    return [Row(TARGET, now + 3600, now, "alert", REASON, "Inbound connection", "0" * 36, 1, 0, 0)]


def test_an_address_is_whole_in_a_narrow_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    table.blocks(rows())
    assert TARGET in capsys.readouterr().out


def test_a_program_reads_a_line_a_row(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    table.blocks(rows())
    title, header, row = capsys.readouterr().out.splitlines()
    assert (title.strip(), header.split()[0]) == ("1 blocked", "target")
    assert row.startswith(TARGET)
    assert row.rstrip().endswith(REASON)
