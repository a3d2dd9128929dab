"""Findings of the security lake: those of falcosidekick, each in the folder of its own day."""

import asyncio
import json
from typing import Any
from urllib.parse import unquote

from outputs.aws_securitylake import AwsSecuritylake
from sidekick.event import decode
from sidekick.sdk import Context
from tests.outputs.alerts import DATA, alert
from tests.outputs.aws.conftest import KEYS
from tests.receivers.aws_securitylake import rows
from tests.services.moto import Moto

RECORDED: dict[str, Any] = json.loads((DATA / "securitylake.json").read_text())


def built(**settings: Any) -> Any:
    return AwsSecuritylake(
        AwsSecuritylake.Settings.model_validate({**AwsSecuritylake.example, **KEYS, **settings}), Context()
    )


def comparable(finding: dict[str, Any]) -> dict[str, Any]:
    """Without the id, with the observables in an order, and the alert as falcosidekick reads it: integers as floats."""
    observables = sorted(finding["observables"], key=lambda one: one["name"])
    raw = {**json.loads(finding["raw_data"], parse_int=float), "uuid": ""}
    return finding | {"observables": observables, "raw_data": raw, "finding": finding["finding"] | {"uid": ""}}


def test_findings_are_those_of_falcosidekick() -> None:
    events = [decode((DATA / "captures" / name).read_bytes())[0] for name in RECORDED["inputs"]]
    found = [comparable(row) for row in rows(built().encode(events).body)]
    expected = [comparable(row) for row in RECORDED["rows"]]
    for ours, theirs in zip(found, expected, strict=True):
        # falcosidekick calls the column classname, and writes large integers as floats.
        assert ours.pop("class_name") == theirs.pop("classname")
        for one, other in zip(ours["observables"], theirs["observables"], strict=True):
            assert one["name"] == other["name"]
            assert one["value"] == other["value"] or float(one["value"]) == float(other["value"])
        assert ours | {"observables": []} == theirs | {"observables": []}


def test_an_object_is_in_the_folder_of_the_source() -> None:
    path = "/ext/falco/region=eu-west-1/accountId=123456789012/eventDay=20261124/"
    event = alert(time="2026-11-25T01:00:00+02:00")
    request = built().encode([event])
    assert unquote(request.url).endswith(f"amazonaws.com{path}{event.uuid}-{event.uuid}-1.parquet")


def test_the_interval_is_bounded_and_an_object_is_a_batch() -> None:
    assert [built(interval=minutes).batch.linger for minutes in (1, 7, 600)] == [300.0, 420.0, 3600.0]
    assert built(batchsize=20).batch.count == 20


async def test_each_alert_is_in_the_folder_of_its_day(moto: Moto) -> None:
    bucket = await asyncio.to_thread(moto.bucket)
    times = ("2026-11-24T23:59:59.9Z", "2026-11-25T00:00:00Z", "2026-11-24T10:00:00Z", "9999-12-31T23:59:59-12:00")
    events = [alert(time=time) for time in times]
    output = built(**moto.settings, bucket=bucket)
    try:
        await output.send(events)
        await output.send(events)
    finally:
        await output.close()
    objects = await asyncio.to_thread(moto.objects, bucket)
    found = {
        name.split("eventDay=")[1][:8]: [row["finding"]["uid"] for row in rows(body)] for name, body in objects.items()
    }
    assert found == {
        "20261124": [events[0].uuid, events[2].uuid],
        "20261125": [events[1].uuid],
        "99991231": [events[3].uuid],
    }
    assert len(objects) == 3, "what is sent again replaces itself"
