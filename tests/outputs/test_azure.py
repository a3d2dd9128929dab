"""Azure: logins by Entra ID and by a shared access policy, and requests, on a server that knows the schemas."""

import json
import ssl
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
import trustme

from outputs._shared_access import SharedAccessPolicy
from outputs.azure_eventhub import EventHub
from outputs.azure_loganalytics import LogAnalytics
from sidekick.sdk import Answer, Context, HttpOutput, MisconfiguredError, Request
from sidekick.sdk.http import HttpClient
from sidekick.sdk.testing import loopback
from sidekick.sdk.tls import ClientTls
from tests.outputs.alerts import alert
from tests.services.azure import Azure, azure


@asynccontextmanager
async def connected(
    kind: type[HttpOutput[Any]], context: Context | None = None, **settings: Any
) -> AsyncGenerator[HttpOutput[Any]]:
    output = kind(kind.Settings.model_validate({**kind.example, **settings}), context or Context())
    try:
        await output.connect()
        yield output
    finally:
        await output.close()


async def refusal(service: Azure, kind: type[HttpOutput[Any]], **settings: Any) -> str:
    with pytest.raises(MisconfiguredError) as met:
        async with connected(kind, **settings):
            pass
    return str(met.value)


async def test_a_managed_identity_sends_events() -> None:
    events = [alert({"n": number, "text": 'é "quoted" \\'}) for number in range(100)]
    async with azure() as service, connected(EventHub, namespace=service.url) as output:
        await output.send(events)
        await output.send(events[:1])
        assert service.issued == 1
    assert service.messages == [event.json for event in [*events, events[0]]]


async def test_a_token_that_was_revoked_is_replaced() -> None:
    async with azure() as service, connected(EventHub, namespace=service.url) as output:
        service.tokens.clear()
        with pytest.raises(MisconfiguredError):
            await output.send([alert()])
        await output.close()  # as the delivery does; the library keeps a token until then
        await output.send([alert()])
    assert len(service.messages) == 1


async def test_a_token_lasts_as_long_as_the_service_says() -> None:
    context = Context()
    async with azure() as service, connected(EventHub, context, namespace=service.url) as output:
        assert isinstance(output, EventHub)
        client = HttpClient(context.tls.context, connections=1, timeout=10)
        _, seconds = await output.fetch(client)
        await client.close()
    assert 3500 < seconds <= 3600


async def test_a_shared_access_policy_needs_no_token() -> None:
    async with azure() as service, connected(EventHub, connectionstring=service.connection_string) as output:
        await output.send([alert()])
        assert (len(service.messages), service.issued) == (1, 0)
    async with azure() as service:
        wrong = service.connection_string.replace("a2V5", "b2V5")
        async with connected(EventHub, connectionstring=wrong) as output:
            with pytest.raises(MisconfiguredError):
                await output.send([alert()])


def test_a_signature_is_that_of_the_reference() -> None:
    # Computed with `openssl dgst -sha256 -hmac`, as the reference's shell script does.
    policy = SharedAccessPolicy.read(
        "Endpoint=sb://ns.servicebus.windows.net/;SharedAccessKeyName=n;SharedAccessKey=k="
    )
    assert policy
    assert policy.url == "https://ns.servicebus.windows.net"
    assert policy.signature("hub", 1403736877) == (
        "SharedAccessSignature sr=https%3A%2F%2Fns.servicebus.windows.net%2Fhub"
        "&sig=o9v1HF6p8iCDf1yI%2FFFF%2F72PbtIQN5W8%2FkPSfbPXFYc%3D&se=1403736877&skn=n"
    )
    assert "k=" not in repr(policy)


@pytest.mark.parametrize(
    "text", ["nonsense", "Endpoint=sb://ns/", "Endpoint=sb://ns/;SharedAccessKeyName=n;SharedAccessKey="]
)
async def test_a_connection_string_that_cannot_be_used_is_told(text: str) -> None:
    async with azure() as service:
        assert "connectionstring lacks" in await refusal(service, EventHub, connectionstring=text)


async def test_nowhere_to_send_is_told() -> None:
    async with azure() as service:
        assert "namespace" in await refusal(service, EventHub, namespace="")


async def test_a_login_that_is_refused_is_told_at_connect() -> None:
    async with azure() as service:
        service.refusal = Answer(400, {"content-type": "application/json"}, b'{"error":"invalid_scope"}')
        assert "Entra ID gave no token" in await refusal(service, LogAnalytics, endpoint=service.url)


async def test_a_secret_logs_in_by_the_authority_that_is_trusted(tmp_path: Path) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.crt")
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(tls)

    def entra(request: Request) -> Answer:
        form = parse_qs(request.body.decode())
        assert (request.url, form["scope"]) == ("/tenant/oauth2/v2.0/token", ["https://monitor.azure.com/.default"])
        token = service.tokens["https://monitor.azure.com"] = f"token-for-{form['client_secret'][0]}"
        answer = {"access_token": token, "expires_in": 3600, "token_type": "Bearer"}
        return Answer(200, {"content-type": "application/json"}, json.dumps(answer).encode())

    async with azure() as service, loopback(entra, tls) as login:
        with pytest.MonkeyPatch.context() as environment:
            for name, value in {"TENANT_ID": "tenant", "CLIENT_ID": "client", "CLIENT_SECRET": "secret"}.items():
                environment.setenv(f"AZURE_{name}", value)
            environment.setenv("AZURE_AUTHORITY_HOST", login.url)
            with pytest.raises(MisconfiguredError) as met:
                async with connected(LogAnalytics, endpoint=service.url):
                    pass
            assert "secret" not in str(met.value).replace("CLIENT_SECRET", "")
            trusting = Context(tls=ClientTls(cafile=str(tmp_path / "ca.crt")))
            async with connected(LogAnalytics, trusting, endpoint=service.url) as output:
                await output.send([alert()])
    assert len(service.rows) == 1


async def test_rows_have_the_columns_of_the_stream() -> None:
    event = alert({"proc.name": "bash", "n": 2**60, "none": None}, time="2026-11-24T12:20:05.123456789+02:00")
    async with azure() as service, connected(LogAnalytics, endpoint=service.url) as output:
        await output.send([event, alert()])
    row, _ = service.rows
    assert row.generated == datetime(2026, 11, 24, 10, 20, 5, 123456, UTC)
    document = json.loads(event.json)
    assert {name: getattr(row, name) for name in document} == document


def test_addresses_are_azures() -> None:
    def address(kind: type[HttpOutput[Any]]) -> str:
        return kind(kind.Settings.model_validate(kind.example), Context()).encode([alert()]).url

    assert address(EventHub) == "https://NAME.servicebus.windows.net/falco/messages?api-version=2014-01"
    assert address(LogAnalytics) == (
        "https://falco-x1y2.westeurope-1.ingest.monitor.azure.com"
        "/dataCollectionRules/dcr-ID/streams/Custom-Falco_CL?api-version=2023-01-01"
    )
