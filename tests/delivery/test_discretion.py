"""No secret shows in what is told of a delivery, whatever the destination says."""

import logging
from typing import Any
from urllib.parse import urlsplit

import pytest

from outputs.http import Http
from outputs.http import Settings as HttpSettings
from outputs.slack import Slack, SlackSettings
from sidekick.delivery.connection import Connection
from sidekick.sdk import Context, Output
from sidekick.sdk.http import Answer, Request
from sidekick.sdk.testing.loopback import loopback
from tests.deadline import until
from tests.delivery.bench import Bench, alerts

TOKEN = "T0AAAAAAA/B0BBBBBBB/c8d7e6f5a4b3c2d1e0f9a8b7"


@pytest.mark.parametrize("status", [400, 404, 503])
@pytest.mark.parametrize(
    "said",
    [
        "Cannot POST {path}",
        '{{"path": "{escaped}"}}',
        "no hook c8d7e6f5a4b3c2d1e0f9a8b7",
        "<pre>{path}?a=1&amp;key=hunter-2</pre>",
        "wrong key: hunter-2",
    ],
)
async def test_a_path_that_is_said_again_is_hidden(
    bench: Bench, caplog: pytest.LogCaptureFixture, status: int, said: str
) -> None:
    def script(request: Request) -> Answer:
        path = urlsplit(request.url).path
        return Answer(status, {}, said.format(path=path, escaped=path.replace("/", "\\/")).encode())

    async with loopback(script) as server:
        url = f"{server.url}/services/{TOKEN}?a=1&key=hunter-2"
        told = await refused(bench, caplog, Slack(SlackSettings.model_validate({"webhookurl": url}), Context()))
    assert "***" in told
    assert f"HTTP {status}" in told
    assert "c8d7e6f5" not in told
    assert "hunter" not in told


async def test_a_login_that_is_said_again_is_hidden(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    said = b"no user elastic with p/ss+word-1, nor p%2Fss%2Bword-1"
    async with loopback(lambda request: Answer(401, {}, said)) as server:
        settings = HttpSettings.model_validate({"url": server.url, "user": "elastic", "password": "p/ss+word-1"})
        told = await refused(bench, caplog, Http(settings, Context()))
    assert "no user elastic with ***, nor ***" in told


async def test_a_word_that_is_no_secret_stays(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    async with loopback(lambda request: Answer(400, {}, b"an alert has no user")) as server:
        settings = HttpSettings.model_validate({"url": f"{server.url}/alert", "user": "alert", "password": "user"})
        assert "an alert has no user" in await refused(bench, caplog, Http(settings, Context()))


async def refused(bench: Bench, caplog: pytest.LogCaptureFixture, output: Output[Any]) -> str:
    """All that is told of an alert that it does not take."""
    caplog.set_level(logging.DEBUG)
    worker = bench.worker(output)
    async with bench.running(worker):
        await bench.append(alerts(1))
        await until(lambda: worker.counts.failed > 0)
        await until(lambda: bool(worker.last_error or worker.counts.dead))
        told = worker.last_error
    letters = [letter.reason for letter in bench.letters.letters().values()]
    logged = [record.getMessage() for record in caplog.records if record.name.startswith("sidekick")]
    return "\n".join([told, *letters, *logged])


@pytest.mark.parametrize("url", ["http://[half", "no address at all", "http://127.0.0.1:9/?"])
async def test_an_address_that_is_none_keeps_nobody_from_starting(url: str) -> None:
    Connection(Slack(SlackSettings.model_validate({"webhookurl": url}), Context()))
