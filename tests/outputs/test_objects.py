"""Names and contents of the objects that alerts are stored as."""

import gzip
import json

from hypothesis import given
from hypothesis import strategies as st

from sidekick.event import Event
from sidekick.sdk.objects import LIMITS, ObjectSettings, limits, pack
from sidekick.sdk.output import BatchLimits
from tests.outputs.alerts import alert

BATCH, SINGLE = ObjectSettings(), ObjectSettings(layout="single")
MOMENTS = st.datetimes().filter(lambda moment: moment.year > 1)
OFFSETS = st.sampled_from(["Z", "+14:00", "-12:00", "+05:45"])


def test_a_batch_is_named_by_its_hour_and_its_ids() -> None:
    events = [alert(time="2026-11-24T23:59:59.5Z"), alert(), alert()]
    packed = pack(events, "falco", BATCH)
    assert packed.name == f"falco/2026-11-24/23/20261124T235959Z-{events[0].uuid}-{events[2].uuid}-3.jsonl.gz"
    lines = gzip.decompress(packed.body).splitlines()
    assert [json.loads(line)["uuid"] for line in lines] == [event.uuid for event in events]
    assert pack(events, "falco", BATCH) == packed


def test_the_single_layout_holds_one_alert_as_it_is() -> None:
    event = alert()
    packed = pack([event], "", SINGLE)
    assert packed.name == f"2026-11-24/2026-11-24T10:20:05.408091526Z-{event.uuid}.json"
    assert packed.body == event.json
    assert packed.media_type == "application/json"


def test_the_single_layout_has_no_batches() -> None:
    assert limits(SINGLE, LIMITS) == BatchLimits()
    assert limits(BATCH, LIMITS) == LIMITS


def test_days_and_hours_are_those_of_utc() -> None:
    assert pack([alert(time="2026-11-24T01:00:00+02:00")], "a/b/", BATCH).name.startswith(
        "a/b/2026-11-23/23/20261123T2300"
    )


@given(st.lists(st.tuples(MOMENTS, OFFSETS), min_size=1, max_size=4), st.text("ab/", max_size=5))
def test_any_alerts_have_a_name_that_is_a_path(moments: list[tuple[object, str]], prefix: str) -> None:
    events: list[Event] = [alert(time=f"{moment:%Y-%m-%dT%H:%M:%S}".rjust(19, "0") + zone) for moment, zone in moments]
    for settings in (BATCH, SINGLE):
        name = pack(events, prefix, settings).name
        assert not name.startswith("/")
        assert name.count(events[0].uuid) >= 1
