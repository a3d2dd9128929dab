"""A refusal of AWS that the delivery takes apart: alerts in are alerts there."""

import json
from collections import Counter
from pathlib import Path

from outputs.aws_cloudwatchlogs import AwsCloudwatchlogs
from sidekick.sdk import Answer, Request
from tests.outputs.alerts import alert
from tests.outputs.aws.conftest import Opened
from tests.outputs.midstream import refused

DAY_MS = 24 * 60 * 60 * 1000


async def test_a_request_over_more_than_a_day_is_halved(opened: Opened, tmp_path: Path) -> None:
    taken: list[str] = []

    def day_at_most(request: Request) -> Answer:
        entries = json.loads(request.body)["logEvents"]
        if entries[-1]["timestamp"] - entries[0]["timestamp"] > DAY_MS:
            return Answer(400, {}, b'{"__type":"InvalidParameterException","message":"spans more than 24 hours"}')
        taken.extend(json.loads(entry["message"])["uuid"] for entry in entries)
        return Answer(200, {}, b"{}")

    events = [alert(time=f"2026-11-{day:02}T{hour:02}:00:00Z") for day in range(10, 15) for hour in range(0, 24, 3)]
    async with opened(AwsCloudwatchlogs, day_at_most, checkidentity=False, logstream="ours") as (output, _):
        assert await refused(output, tmp_path, events) == []
    assert Counter(taken) == Counter(event.uuid for event in events)
