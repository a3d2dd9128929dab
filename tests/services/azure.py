"""Azure on loopback: App Service's managed identity, Event Hubs, Logs Ingestion; what no schema allows is a 400.

Schemas: https://learn.microsoft.com/azure/app-service/overview-managed-identity#rest-endpoint-reference,
https://learn.microsoft.com/rest/api/eventhub/send-batch-events and
https://learn.microsoft.com/azure/azure-monitor/logs/logs-ingestion-api-overview#rest-api-call
"""

import base64
import hashlib
import hmac
import json
import os
import re
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any
from urllib.parse import parse_qs, quote_plus, unquote_plus, urlsplit

import msgspec
import pytest

from sidekick.event import Event
from sidekick.sdk.http import Answer, Request
from sidekick.sdk.testing import Loopback, Receiver, loopback
from tests.services.server import free_ports

IDENTITY = "identity-header"
POLICY, KEY = "falco", "a2V5/+=="


class Message(msgspec.Struct, forbid_unknown_fields=True, rename="pascal"):
    body: str


class Row(msgspec.Struct, forbid_unknown_fields=True):
    generated: datetime = msgspec.field(name="TimeGenerated")
    uuid: str
    output: str
    priority: str
    rule: str
    time: str
    source: str
    hostname: str
    tags: list[str]
    output_fields: dict[str, Any]


Messages = Annotated[list[Message], msgspec.Meta(min_length=1)]
Rows = Annotated[list[Row], msgspec.Meta(min_length=1)]


@dataclass
class Azure:
    """What arrived, and what the identity service gave out."""

    server: Loopback | None = None
    tokens: dict[str, str] = field(default_factory=dict[str, str])
    """The token that is good now, by whom it is meant for."""
    issued: int = 0
    refusal: Answer | None = None
    """What the identity service says in place of a token."""
    messages: list[bytes] = field(default_factory=list[bytes])
    rows: list[Row] = field(default_factory=list[Row])

    @property
    def url(self) -> str:
        assert self.server
        return self.server.url

    @property
    def connection_string(self) -> str:
        return f"Endpoint={self.url}/;SharedAccessKeyName={POLICY};SharedAccessKey={KEY};EntityPath=falco"

    def receiver(self, key: str) -> Receiver:
        """For an output whose address is in that setting."""

        async def arrived(event: Event) -> bool:
            return event.json in self.messages or event.uuid in [row.uuid for row in self.rows]

        return Receiver({key: self.url}, arrived, {key: f"http://127.0.0.1:{free_ports(1)}"})

    def __call__(self, request: Request) -> Answer:
        parts = urlsplit(request.url)
        if parts.path == "/identity":
            return self.refusal or self._issue(request, parse_qs(parts.query))
        try:
            if re.fullmatch(r"/[^/]+/messages", parts.path) and parts.query == "api-version=2014-01":
                return self._messages(request, parts.path.split("/")[1])
            if re.fullmatch(r"/dataCollectionRules/dcr-[^/]+/streams/[^/]+", parts.path):
                return self._rows(request)
        except msgspec.DecodeError as error:
            return Answer(400, {}, str(error).encode())
        return Answer(404)

    def _issue(self, request: Request, query: dict[str, list[str]]) -> Answer:
        if request.headers.get("x-identity-header") != IDENTITY:
            return Answer(401)
        (resource,) = query["resource"]
        self.issued += 1
        self.tokens[resource] = f"token-{self.issued}"
        token = {
            "access_token": self.tokens[resource],
            "expires_on": str(int(time.time()) + 3600),
            "resource": resource,
        }
        return Answer(200, {"content-type": "application/json"}, json.dumps({**token, "token_type": "Bearer"}).encode())

    def _messages(self, request: Request, hub: str) -> Answer:
        login = request.headers.get("authorization", "")
        token = self.tokens.get("https://eventhubs.azure.net")
        if login != f"Bearer {token}" and not self._is_signed(login, f"{self.url}/{hub}"):
            return Answer(401)
        if (
            request.headers["content-type"] != "application/vnd.microsoft.servicebus.json"
            or len(request.body) > 262_144
        ):
            return Answer(400)
        self.messages += [message.body.encode() for message in msgspec.json.decode(request.body, type=Messages)]
        return Answer(201)

    def _is_signed(self, login: str, resource: str) -> bool:
        match = re.fullmatch(r"SharedAccessSignature sr=(.+)&sig=(.+)&se=(\d+)&skn=(.+)", login)
        if match is None or (unquote_plus(match[1]), match[4]) != (resource, POLICY) or int(match[3]) < time.time():
            return False
        expected = hmac.new(KEY.encode(), f"{quote_plus(resource)}\n{match[3]}".encode(), hashlib.sha256).digest()
        return base64.b64decode(unquote_plus(match[2])) == expected

    def _rows(self, request: Request) -> Answer:
        if request.headers.get("authorization") != f"Bearer {self.tokens.get('https://monitor.azure.com')}":
            return Answer(401)
        if len(request.body) > 1_048_576:
            return Answer(413)
        self.rows += msgspec.json.decode(request.body, type=Rows)
        return Answer(204)


@asynccontextmanager
async def azure() -> AsyncGenerator[Azure]:
    """The service, found by Azure's usual chain as App Service's is: by variables."""
    service = Azure()
    async with loopback(service) as server:
        service.server = server
        with pytest.MonkeyPatch.context() as environment:
            for name in [name for name in os.environ if name.startswith(("AZURE_", "IDENTITY_", "MSI_"))]:
                environment.delenv(name)
            environment.setenv("IDENTITY_ENDPOINT", f"{server.url}/identity")
            environment.setenv("IDENTITY_HEADER", IDENTITY)
            yield service
