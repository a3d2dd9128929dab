"""The way to a destination over HTTP: by the proxy that the environment names, and by nobody else's files."""

from base64 import b64encode
from pathlib import Path

import pytest

from outputs.webhook import Settings, Webhook
from sidekick.sdk import Context, Request
from sidekick.sdk.testing import loopback
from tests.outputs.alerts import alert

FAR_AWAY = "http://alerts.example.com/falco"
NOWHERE = "http://127.0.0.1:9"  # the discard port, where nobody listens


async def sent(address: str, url: str) -> list[Request]:
    """What a server at `url` receives of an alert to that address."""
    async with loopback() as server:
        url = url.format(server=server.url.removeprefix("http://"))
        headers = {"Authorization": "Bearer mine"}
        output = Webhook(Settings(address=address.format(server=server.url), customheaders=headers), Context())
        with pytest.MonkeyPatch.context() as environment:
            environment.setenv("http_proxy", url)
            try:
                await output.send([alert()])
            finally:
                await output.close()
        return [request for request, _ in server.requests]


@pytest.mark.parametrize("proxy", ["http://{server}", "{server}"])
async def test_a_proxy_of_the_environment_is_the_way(proxy: str) -> None:
    (request,) = await sent(FAR_AWAY, proxy)
    assert request.headers["host"] == "alerts.example.com"
    assert "proxy-authorization" not in request.headers


async def test_a_proxy_may_want_a_login() -> None:
    (request,) = await sent(FAR_AWAY, "http://us:secret@{server}")
    assert request.headers["proxy-authorization"] == f"Basic {b64encode(b'us:secret').decode()}"
    assert request.headers["authorization"] == "Bearer mine"


async def test_what_needs_no_proxy_is_reached_without(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    (request,) = await sent("{server}/falco", NOWHERE)
    assert request.url == "/falco"


async def test_no_login_is_taken_from_a_netrc(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password else\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("no_proxy", "*")
    (request,) = await sent("{server}/falco", NOWHERE)
    assert request.headers["authorization"] == "Bearer mine"
