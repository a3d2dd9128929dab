"""Answers as tables for people."""

import os
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Column, Table

from bpf import duration
from bpf.loader import Attached
from bpf.protocol import Decision, Outcome, Row

_WIDEST = 1 << 16


def show(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    first, *others = columns
    table = Table(Column(first, no_wrap=True), *others, title=title, title_justify="left", box=None, pad_edge=False)
    for row in rows:
        # Reasons and rule names are other people's text: markup in it must stay text.
        table.add_row(*(_plain(cell) for cell in row))
    looked_at = sys.stdout.isatty() or "COLUMNS" in os.environ
    # For a program that reads along a row is a line, however long.
    Console(highlight=False, markup=False, width=None if looked_at else _WIDEST).print(table)


def blocks(rows: Sequence[Row]) -> None:
    now = time.time()
    columns = ("target", "for", "packets", "octets", "count", "origin", "rule", "alert", "reason")
    cells = (
        (row.target, duration.show(row.until - now), *(getattr(row, name) for name in columns[2:])) for row in rows
    )
    show(f"{len(rows)} blocked", columns, cells)


def decisions(answer: Sequence[Decision]) -> None:
    columns = ("at", "target", "verdict", "rule", "alert", "message")
    times = (time.strftime("%F %T", time.localtime(decision.at)) for decision in answer)
    cells = ([getattr(decision, name) for name in columns[1:]] for decision in answer)
    show("decisions", columns, ((at, *rest) for at, rest in zip(times, cells, strict=True)))


def outcomes(results: Sequence[Outcome], *, dry_run: bool) -> None:
    now = time.time()
    verb = "would be blocked" if dry_run else "blocked"
    for result in results:
        if result.refused:
            print(f"refused ({result.refused}): {result.message}")  # noqa: T201
        else:
            print(f"{result.target} {verb} for {duration.show(result.until - now)}")  # noqa: T201


def attached(rows: Sequence[Attached]) -> None:
    show(
        "filtering",
        ("interface", "mode", "why not better"),
        ((row.interface, row.mode, "; ".join(row.why)) for row in rows),
    )


def stats(answer: Mapping[str, Any]) -> None:
    show("packets", ("verdict", "packets", "bytes"), ((name, *pair) for name, pair in answer["totals"].items()))
    show("entries", ("kind", "held", "possible"), ((kind, *pair) for kind, pair in answer["fill"].items()))
    show("blocked", ("origin", "targets"), answer["blocked"].items())
    show("refused", ("reason", "targets"), answer["refused"].items())
    if answer["feeds"]:
        columns = ("feed", "targets", "bad lines", "error")
        show(
            "feeds",
            columns,
            ((feed["origin"], feed["entries"], feed["bad"], feed["error"]) for feed in answer["feeds"]),
        )


def _plain(cell: object) -> str:
    return "".join(character if character.isprintable() else "�" for character in str(cell))
