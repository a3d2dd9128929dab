"""Alertmanager: labels that group, and a real one (Debian's) that comes and goes."""

import asyncio
import json
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from outputs.alertmanager import Alertmanager, AlertmanagerSettings
from sidekick.delivery.connection import Connection
from sidekick.event import Event
from sidekick.sdk import Context, PermanentError, RetryableError
from sidekick.sdk.http import Answer
from sidekick.sdk.testing import Fault, always, loopback
from tests.outputs.alerts import alert
from tests.services.alertmanager import Alertmanager as Server

NOWHERE = "http://127.0.0.1:9"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("alertmanager")) as running:
        yield running


@asynccontextmanager
async def connected(*hosts: str, **settings: Any) -> AsyncGenerator[Alertmanager]:
    output = Alertmanager(AlertmanagerSettings.model_validate({"hostport": hosts, **settings}), Context())
    try:
        await output.connect()
        yield output
    finally:
        await output.close()


def labels(event: Event, **settings: Any) -> dict[str, str]:
    output = Alertmanager(AlertmanagerSettings.model_validate({"hostport": [NOWHERE], **settings}), Context())
    (sent,) = json.loads(output.encode([event]).body)
    return sent["labels"]


@pytest.mark.service
async def test_alerts_are_there_once_however_often_they_are_sent(server: Server) -> None:
    events = [alert({"number": str(number), "proc.aname[2]": "sh"}, rule="sent twice") for number in range(50)]
    async with connected(NOWHERE, server.url) as output:
        await output.send(events)
        await output.send(events[:10])
    found = [one["labels"] for one in server.alerts() if one["labels"]["rule"] == "sent twice"]
    assert sorted(int(one["number"]) for one in found) == list(range(50))
    assert {one["proc_aname_2"] for one in found} == {"sh"}


@pytest.mark.service
async def test_a_restart_loses_nothing(server: Server) -> None:
    event = alert(rule="after a restart")
    async with connected(server.url) as output:
        await asyncio.to_thread(server.stop)
        with pytest.raises(RetryableError):
            await output.send([event])
        await asyncio.to_thread(server.start)
        await output.send([event])
    assert [one for one in server.alerts() if one["labels"]["rule"] == "after a restart"]


@pytest.mark.service
async def test_what_one_refuses_does_not_wait_for_a_peer_that_is_away(server: Server) -> None:
    async with connected(NOWHERE, server.url, customheaders={"Content-Type": "text/xml"}) as output:
        with pytest.raises(PermanentError, match="unsupported media type"):
            await output.send([alert()])


@pytest.mark.parametrize("fate", [Answer(400), Answer(503), Fault.SILENT, Fault.CUT], ids=str)
async def test_one_live_peer_is_enough(fate: Answer | Fault) -> None:
    async with (
        loopback(always(fate)) as ill,
        loopback() as well,
        connected(ill.url, well.url, timeout="300ms") as output,
    ):
        await output.send([alert()])
        assert len(well.requests) == 1


async def test_a_peer_that_hangs_costs_a_second_and_no_alert() -> None:
    async with loopback(always(Fault.SILENT)) as ill, loopback() as well:
        settings = AlertmanagerSettings.model_validate({"hostport": [ill.url, well.url], "timeout": "2s"})
        connection = Connection(Alertmanager(settings, Context()))
        try:
            await connection.send([alert()])
        finally:
            await connection.close()


@pytest.mark.parametrize(
    ("fates", "error"),
    [
        ((Answer(400), Answer(503)), PermanentError),
        ((Answer(503), Answer(413)), PermanentError),
        ((Answer(400), Fault.CUT), PermanentError),
        ((Answer(400), Answer(404)), PermanentError),
        ((Answer(400), Answer(400)), PermanentError),
        ((Answer(404), Answer(503)), RetryableError),
        ((Answer(503), Fault.CUT), RetryableError),
    ],
    ids=str,
)
async def test_what_no_peer_takes_is_given_up_when_one_refuses_it_for_good(
    fates: tuple[Answer | Fault, Answer | Fault], error: type[Exception]
) -> None:
    async with (
        loopback(always(fates[0])) as one,
        loopback(always(fates[1])) as other,
        connected(one.url, other.url) as output,
    ):
        with pytest.raises(error):
            await output.send([alert()])


@pytest.mark.parametrize(
    ("drops", "label", "priority"),
    [(0, "0", "Warning"), (1, "1", "Critical"), (11, ">10", "Warning"), ("101", ">100", "Critical")],
)
def test_dropped_events_group_by_threshold(drops: int | str, label: str, priority: str) -> None:
    event = alert({"n_drops[x]": drops, "n_evts": 7}, priority="debug")
    assert labels(event)["n_drops_x"] == label
    assert labels(event)["priority"] == priority
    assert "n_evts" not in labels(event)


def test_thresholds_are_read_with_either_separator() -> None:
    event = alert({"n_drops": 500}, priority="debug")
    for text in ("10000:critical: 100:error: 1:notice", "10000:critical, 100:error, 1:notice"):
        assert labels(event, dropeventthresholds=text)["priority"] == "Error"


@pytest.mark.parametrize(
    "settings",
    [
        {"dropeventthresholds": "many:critical"},
        {"dropeventthresholds": "10:loud"},
        {"customseveritymap": "loud:page"},
        {"extralabels": {"no-name": "x"}},
    ],
    ids=str,
)
def test_settings_that_mean_nothing_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="is no"):
        AlertmanagerSettings.model_validate(settings)


def test_an_alert_ends_after_its_life_with_every_digit() -> None:
    output = Alertmanager(AlertmanagerSettings(hostport=(NOWHERE,), expiresafter=900), Context())
    events = [alert(time="2026-11-24T10:50:05.408091526+02:00"), alert(time="9999-12-31T23:59:59Z")]
    ends = [one["endsAt"] for one in json.loads(output.encode(events).body)]
    assert ends == ["2026-11-24T11:05:05.408091526+02:00", "9999-12-31T23:59:59Z"]
