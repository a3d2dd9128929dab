"""AWS out of reach in mid-stream, and a refusal that the delivery takes apart: alerts in are alerts there."""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from outputs.aws_cloudwatchlogs import AwsCloudwatchlogs
from outputs.aws_kinesis import AwsKinesis
from sidekick.delivery import DeadLetters
from sidekick.journal import Journal, JournalSettings
from sidekick.sdk import Answer, Context, Request
from sidekick.sdk.aws import AwsOutput
from tests.deadline import until
from tests.delivery.bench import Bench
from tests.outputs.alerts import alert
from tests.outputs.aws.conftest import Opened
from tests.outputs.midstream import RETRY, restart, through
from tests.services.moto import Moto
from tests.services.relay import Relay

DAY_MS = 24 * 60 * 60 * 1000


@pytest.fixture
def relay(moto: Moto, tmp_path: Path) -> Iterator[Relay]:
    with Relay(tmp_path / "relay", moto) as relay:
        yield relay


def behind(relay: Relay, moto: Moto, kind: type[AwsOutput[Any]], **settings: Any) -> Any:
    chosen = {**moto.settings, "endpoint": relay.url, "retry": RETRY, "timeout": "5s"}
    return kind(kind.Settings.model_validate({**chosen, **settings}), Context())


async def test_a_stream_out_of_reach_twice_has_every_alert(moto: Moto, relay: Relay, tmp_path: Path) -> None:
    stream = moto.stream(1)
    output = behind(relay, moto, AwsKinesis, streamname=stream, batch={"count": 50, "linger": "0s"})
    events = await through(output, tmp_path, restart(relay.kill, relay), restart(relay.stop, relay))
    assert {record["Data"] for record in moto.records(stream)} == {event.json for event in events}


async def test_a_request_over_more_than_a_day_is_halved(opened: Opened, tmp_path: Path) -> None:
    taken: list[str] = []

    def day_at_most(request: Request) -> Answer:
        entries = json.loads(request.body)["logEvents"]
        if entries[-1]["timestamp"] - entries[0]["timestamp"] > DAY_MS:
            return Answer(400, {}, b'{"__type":"InvalidParameterException","message":"spans more than 24 hours"}')
        taken.extend(json.loads(entry["message"])["uuid"] for entry in entries)
        return Answer(200, {}, b"{}")

    events = [alert(time=f"2026-11-{day:02}T{hour:02}:00:00Z") for day in range(10, 15) for hour in range(0, 24, 3)]
    journal = Journal.open(JournalSettings(path=str(tmp_path / "journal"), fsync="no"))
    await journal.start()
    bench = Bench(journal, DeadLetters(tmp_path / "dead-letters", "destination"))
    settings = {"checkidentity": False, "logstream": "ours"}
    async with opened(AwsCloudwatchlogs, day_at_most, **settings) as (output, _):
        worker = bench.worker(output)
        await bench.append(events)
        async with bench.running(worker):
            await until(lambda: worker.cursor.waiting == 0, what=worker.last_error)
    await journal.close()
    assert Counter(taken) == Counter(event.uuid for event in events)
    assert worker.counts.dead == 0
