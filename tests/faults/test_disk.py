"""A disk that fills: refused with 503, counted, nothing accepted is lost, and it recovers by itself."""

import asyncio
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deadline import until
from tests.faults.endpoint import Endpoint
from tests.faults.falco import Falco
from tests.faults.sidekick import Sidekick

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 4 MB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(disk)], check=True)
    try:
        yield disk
    finally:
        subprocess.run(["umount", "--lazy", str(disk)], check=True)


async def fill(falco: Falco) -> int:
    """Posts until ten alerts in a row are refused; gives how many were posted."""
    number = refused = 0
    while refused < 10:
        refused = refused + 1 if await falco.post(number) == 503 else 0
        number += 1
    return number


async def test_a_full_disk_refuses_and_recovers(small_disk: Path, tmp_path: Path) -> None:
    endpoint = Endpoint()
    async with endpoint.listening():
        pass  # the port is known, and nobody listens there
    retry = {"minimum": "50ms", "maximum": "200ms"}
    sidekick = Sidekick(
        tmp_path / "home",
        journal={"path": str(small_disk / "journal"), "segment": "256KiB"},
        webhook={"address": endpoint.url, "retry": retry, "maxconcurrentrequests": 8},
    )
    falco = Falco(sidekick.port)
    await asyncio.to_thread(sidekick.start)
    try:
        posted = await fill(falco)
        assert set(falco.statuses) == {200, 503}
        assert len(falco.accepted) > 1000
        assert sidekick.metric("sidekick_journal_full") == 1
        status, detail = sidekick.get("/readyz")
        assert status == 503
        assert b'"journal":"the journal cannot be written: No space left on device"' in detail
        assert sidekick.metric("sidekick_refused_requests_total", reason="unavailable") == falco.statuses[503]
        async with endpoint.listening():
            await until(lambda: len(endpoint.times) >= len(falco.accepted), what="what was accepted is delivered")
            # As many again find room, once the first is taken: delivered alerts make way before the disk is full anew.
            while await falco.post(posted) != 200:
                await asyncio.sleep(0.05)
                posted += 1
            refused = falco.statuses[503]
            await falco.post_all(range(posted + 1, 2 * posted), per_second=300)
            assert falco.statuses[503] == refused
            await until(lambda: endpoint.times.keys() == falco.accepted)
            assert sidekick.get("/readyz")[0] == 200
        assert set(endpoint.times.values()) == {1}
    finally:
        await falco.close()
        assert await asyncio.to_thread(sidekick.end) == 0
