"""The way to a destination over HTTP: its name, TLS, and the proxy that the environment names."""

import gc
import ssl
import weakref
from base64 import b64encode
from pathlib import Path

import pytest

from outputs.webhook import Settings, Webhook
from sidekick.sdk import Answer, Context, MisconfiguredError, Request, RetryableError
from sidekick.sdk.testing import always, loopback
from sidekick.sdk.tls import ClientTls
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


@pytest.mark.parametrize(
    ("status", "kind"), [(407, MisconfiguredError), (403, MisconfiguredError), (502, RetryableError)]
)
async def test_a_proxy_that_refuses_the_way_says_why(
    status: int, kind: type[RetryableError], monkeypatch: pytest.MonkeyPatch
) -> None:
    output = Webhook(Settings(address="https://alerts.example.com/falco"), Context())
    async with loopback(always(Answer(status))) as server:
        monkeypatch.setenv("https_proxy", server.url)
        try:
            with pytest.raises(RetryableError, match=f"the proxy refused: HTTP {status}") as raised:
                await output.send([alert()])
        finally:
            await output.close()
    assert type(raised.value) is kind


async def test_certificates_that_cannot_be_used_hold_up_https_alone() -> None:
    lost = Context(tls=ClientTls(cafile="/nowhere/ca.crt"))
    async with loopback() as server:
        plain = Webhook(Settings(address=server.url, mutualtls=True), lost)
        secure = Webhook(Settings(address=server.url.replace("http", "https")), lost)
        try:
            await plain.connect()
            await plain.send([alert()])
            await secure.connect()
            with pytest.raises(MisconfiguredError, match=r"cannot use /nowhere/ca\.crt for TLS: No such file"):
                await secure.send([alert()])
        finally:
            await plain.close()
            await secure.close()
    assert len(server.requests) == 1


async def test_an_authorization_header_counts_before_a_login_in_the_address() -> None:
    async with loopback() as server:
        address = server.url.replace("://", "://user:password@")
        for headers, sent in (({"authorization": "Bearer mine"}, "Bearer mine"), ({}, "Basic dXNlcjpwYXNzd29yZA==")):
            output = Webhook(Settings(address=address, customheaders=headers), Context())
            try:
                await output.send([alert()])
            finally:
                await output.close()
            assert server.requests[-1][0].headers["authorization"] == sent


async def test_an_address_without_http_says_what_it_lacks() -> None:
    output = Webhook(Settings(address="alerts.example.com:8080/falco"), Context())
    try:
        with pytest.raises(MisconfiguredError, match="begins with neither http:// nor https://"):
            await output.send([alert()])
    finally:
        await output.close()


async def test_a_name_that_is_not_known_is_told_in_words() -> None:
    output = Webhook(Settings(address="http://nowhere.invalid/falco"), Context())
    try:
        with pytest.raises(RetryableError, match=r"cannot connect to nowhere\.invalid:80: [A-Z]") as raised:
            await output.send([alert()])
    finally:
        await output.close()
    assert "Unknown error" not in str(raised.value)


async def test_a_try_that_failed_leaves_no_tls_behind() -> None:
    made: list[weakref.ref[ssl.SSLContext]] = []

    class Watched(Webhook):
        def tls(self) -> ssl.SSLContext:
            context = super().tls()
            made.append(weakref.ref(context))
            return context

    output = Watched(Settings(address=NOWHERE), Context())
    gc.disable()
    try:
        with pytest.raises(RetryableError):
            await output.send([alert()])
        await output.close()
        assert [context() for context in made] == [None]
    finally:
        gc.enable()


def test_a_date_that_is_over_is_no_wait() -> None:
    with pytest.raises(RetryableError) as raised:
        Webhook(Settings(address=FAR_AWAY), Context()).read_answer(
            Answer(503, {"retry-after": "Fri, 31 Dec 1999 23:59:59 GMT"}), [alert()]
        )
    assert raised.value.after == 0


@pytest.mark.parametrize("asked", ["9" * 400, "99999999", "Fri, 31 Dec 9999 23:59:59 GMT", "Fri, 31 Dec 9999 23:59:59"])
def test_a_destination_may_ask_for_an_hour_and_no_more(asked: str) -> None:
    output = Webhook(Settings(address=FAR_AWAY), Context())
    with pytest.raises(RetryableError) as raised:
        output.read_answer(Answer(503, {"retry-after": asked}), [alert()])
    assert raised.value.after == 3600


@pytest.mark.parametrize(
    "asked", ["soon", "Fri, 31 Dec 2027 23:59:59 +" + "9" * 30, "Fri, 31 Dec " + "9" * 30 + " 23:59:59"]
)
def test_a_wait_that_is_no_time_is_no_defect(asked: str) -> None:
    output = Webhook(Settings(address=FAR_AWAY), Context())
    with pytest.raises(RetryableError) as raised:
        output.read_answer(Answer(503, {"retry-after": asked}), [alert()])
    assert raised.value.after is None
