"""Fifty outputs on at once: each sends what it sends when it is alone, and nothing goes wrong."""

import asyncio
from pathlib import Path

import pytest

from sidekick.journal import JournalReader
from sidekick.settings import load
from tests.crowd import body, crowd, missing, one_by_one, wanted
from tests.deadline import until
from tests.faults.falco import Falco
from tests.faults.sidekick import Sidekick

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]
ALERTS = 400


def metrics(sidekick: Sidekick) -> str:
    return sidekick.get("/metrics")[1].decode()


async def test_fifty_outputs_send_what_each_sends_alone(tmp_path: Path) -> None:
    async with crowd(tmp_path) as destinations:
        assert len(destinations.settings) >= 50
        sidekick = Sidekick(tmp_path / "sidekick", **destinations.settings)
        await asyncio.to_thread(sidekick.start)
        falco = Falco(sidekick.port)
        statuses = {await falco.exchange(body(number)) for number in range(ALERTS)}
        await falco.close()
        try:
            await until(lambda: missing(metrics(sidekick), destinations.settings, ALERTS) == {}, within=60)
        finally:
            assert await asyncio.to_thread(sidekick.end) == 0
        assert statuses == {200}
        assert "Traceback" not in sidekick.log
        together = destinations.arrived()
        payloads = [record.payload for record in JournalReader(sidekick.home / "journal").records()]
        assert len(payloads) == ALERTS
        await one_by_one(load(sidekick.configuration, {}), payloads, tmp_path)
        alone = destinations.arrived()
    assert together == alone
    for name, arrived in together.items():
        assert arrived.parts >= wanted(name, ALERTS), name
