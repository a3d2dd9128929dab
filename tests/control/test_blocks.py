"""Blocks through the real daemon, which only tries."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from sidekick.control import RefusedError
from sidekick.control.blocks import Blocks
from sidekick.control.trail import Trail
from tests.bpf.host import Host


@asynccontextmanager
async def blocks(socket: Path, home: Path) -> AsyncIterator[Blocks]:
    one = Blocks(socket, Trail(home / "trail.jsonl"))
    yield one
    await one.close()


async def test_a_source_is_blocked_and_unblocked_by_name(tmp_path: Path) -> None:
    host = Host(None, tmp_path / "none", tmp_path)
    with host.serving("--dry-run"):
        async with blocks(host.socket, tmp_path) as one:
            assert await one.block("8.8.4.4", 600, "a scan", "an-alert", "mara") == "8.8.4.4 is blocked."
            (row,) = await one.list()
            assert (row.target, row.reason, row.alert, row.origin) == ("8.8.4.4", "a scan (mara)", "an-alert", "manual")
            assert await one.unblock("8.8.4.4", "tom") == "8.8.4.4 is no longer blocked."
            assert await one.list() == []
            with pytest.raises(RefusedError, match="was not blocked"):
                await one.unblock("8.8.4.4", "tom")
            with pytest.raises(RefusedError, match=r"127\.0\.0\.1 is not blocked"):
                await one.block("127.0.0.1", 600, "by mistake", "", "mara")
    told = [(entry.by, entry.action, entry.target) for entry in await Trail(tmp_path / "trail.jsonl").entries()]
    assert told[-2:] == [("tom", "unblock", "8.8.4.4"), ("mara", "block", "8.8.4.4")]


@pytest.mark.parametrize("target", ["", "nobody", "8.8.4.4/99", "8.8.4.4; 1.1.1.1", "1" * 10_000])
async def test_what_is_no_address_never_reaches_the_daemon(tmp_path: Path, target: str) -> None:
    async with blocks(tmp_path / "no-socket", tmp_path) as one:
        with pytest.raises(RefusedError) as refused:
            await one.block(target, 600, "", "", "mara")
        assert "sidekick-xdp" not in str(refused.value)


async def test_without_a_daemon_the_sentence_names_it(tmp_path: Path) -> None:
    async with blocks(tmp_path / "no-socket", tmp_path) as one:
        for action in (one.list(), one.block("8.8.4.4", 600, "", "", "mara"), one.unblock("8.8.4.4", "mara")):
            with pytest.raises(RefusedError, match="no answer from sidekick-xdp"):
                await action
