"""TLS towards destinations: its versions, and certificates that cannot be read, which hold up nobody without TLS."""

import ssl
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from outputs.webhook import Settings, Webhook
from sidekick.sdk import Context, MisconfiguredError, RetryableError
from sidekick.sdk.testing import loopback
from sidekick.sdk.tls import ClientTls
from sidekick.settings.catalog import output_types
from tests.outputs.alerts import alert
from tests.outputs.connected import connected
from tests.services.certificates import Certificates

NOBODY = "127.0.0.1:9"  # the discard port, where nobody listens
HOST, PORT = NOBODY.split(":")
LOST = Context(tls=ClientTls(cafile="/nowhere/ca.crt"))
MAIL = {"hostport": NOBODY, "from": "us@example.com", "to": "them@example.com"}
STAN = {"clusterid": "cluster", "clientid": "us"}
PLAIN: list[tuple[str, dict[str, Any]]] = [
    ("logstash", {"address": HOST, "port": PORT}),
    ("mqtt", {"broker": f"tcp://{NOBODY}"}),
    ("nats", {"hostport": f"nats://{NOBODY}"}),
    ("rabbitmq", {"url": f"amqp://us:secret@{NOBODY}/", "queue": "falco"}),
    ("redis", {"address": NOBODY}),
    ("smtp", {**MAIL, "tls": False}),
    ("stan", {**STAN, "hostport": f"nats://{NOBODY}"}),
    ("syslog", {"host": HOST, "port": PORT, "protocol": "tcp"}),
    ("timescaledb", {"host": HOST, "port": PORT}),
]
SECURE: list[tuple[str, dict[str, Any]]] = [
    ("logstash", {"address": HOST, "port": PORT, "tls": True}),
    ("mqtt", {"broker": f"ssl://{NOBODY}"}),
    ("nats", {"hostport": f"tls://{NOBODY}"}),
    ("rabbitmq", {"url": f"amqps://us:secret@{NOBODY}/", "queue": "falco"}),
    ("redis", {"address": NOBODY, "tls": True}),
    ("smtp", MAIL),
    ("stan", {**STAN, "hostport": f"tls://{NOBODY}"}),
    ("syslog", {"host": HOST, "port": PORT, "protocol": "tls"}),
    ("timescaledb", {"host": HOST, "port": PORT, "tls": True}),
]


async def refusal(name: str, settings: dict[str, Any]) -> RetryableError:
    kind = output_types()[name].output
    assert kind
    with pytest.raises(RetryableError) as raised:
        async with connected(kind(kind.Settings.model_validate(settings), LOST)):
            pass
    return raised.value


@pytest.mark.parametrize(("name", "settings"), PLAIN, ids=[name for name, _ in PLAIN])
async def test_who_speaks_no_tls_is_not_held_up(name: str, settings: dict[str, Any]) -> None:
    error = await refusal(name, settings)
    assert not isinstance(error, MisconfiguredError)
    assert "/nowhere" not in str(error)


@pytest.mark.parametrize(("name", "settings"), SECURE, ids=[name for name, _ in SECURE])
async def test_who_speaks_tls_is_told_which_file_it_is(name: str, settings: dict[str, Any]) -> None:
    error = await refusal(name, settings)
    assert isinstance(error, MisconfiguredError)
    assert str(error) == "cannot use /nowhere/ca.crt for TLS: No such file or directory"


async def test_a_server_that_knows_nothing_newer_than_tls_1_2_is_spoken_to(tmp_path: Path) -> None:
    files = Certificates(tmp_path)
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(files.server, files.server_key)
    tls.maximum_version = ssl.TLSVersion.TLSv1_2
    async with loopback(tls=tls) as server, connected(Webhook(Settings(address=server.url), files.context)) as output:
        await output.send([alert()])
    assert len(server.requests) == 1


@pytest.mark.parametrize("verify", [True, False])
def test_nothing_older_is_spoken(verify: bool) -> None:
    assert ClientTls().context(verify=verify).minimum_version is ssl.TLSVersion.TLSv1_2


async def test_mutual_tls_knows_the_server_by_its_own_authority_and_no_other(tmp_path: Path) -> None:
    files = Certificates(tmp_path)
    (tmp_path / "others").mkdir()
    others = Certificates(tmp_path / "others")
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=files.authority)
    tls.load_cert_chain(files.server, files.server_key)
    async with loopback(tls=tls) as server:
        for authority, known in ((files.authority, True), (others.authority, False)):
            own = ClientTls("", str(files.client), str(files.client_key), str(authority))
            settings = Settings(address=server.url, mutualtls=True, checkcert=False)
            async with connected(Webhook(settings, Context(tls=own))) as output:
                with nullcontext() if known else pytest.raises(MisconfiguredError, match="TLS with"):
                    await output.send([alert()])
    assert len(server.requests) == 1
