"""Google's token service and the REST methods that outputs call, on loopback: what their schemas do not allow is a 400.

Schemas: https://developers.google.com/identity/protocols/oauth2/service-account#httprest and the REST references of
Pub/Sub (v1), Storage (v1), Functions (v1) and Chronicle (v1beta).
"""

import base64
import gzip
import json
import re
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Annotated, Any
from urllib.parse import parse_qs, urlsplit

import jwt
import msgspec
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from sidekick.event import Event
from sidekick.sdk.http import Answer, Request
from sidekick.sdk.testing import Loopback, Receiver, loopback
from tests.services.server import free_ports

EMAIL = "falco@fake-project.iam.gserviceaccount.com"
SCOPE = "https://www.googleapis.com/auth/cloud-platform"


class Message(msgspec.Struct, forbid_unknown_fields=True):
    data: bytes
    attributes: dict[str, str] = {}


class Publish(msgspec.Struct, forbid_unknown_fields=True):
    messages: Annotated[list[Message], msgspec.Meta(min_length=1, max_length=1000)]


class Call(msgspec.Struct, forbid_unknown_fields=True):
    data: str


class Log(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    data: bytes
    log_entry_time: datetime
    collection_time: datetime


class Logs(msgspec.Struct, forbid_unknown_fields=True):
    logs: Annotated[list[Log], msgspec.Meta(min_length=1)]


class Import(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    inline_source: Logs


@dataclass
class Google:
    """What arrived, and what the token service gave out."""

    server: Loopback | None = None
    life: int = 3600
    """Seconds of a token."""
    token: str = ""
    """The token that is good now."""
    name: str = "token-{}"
    """What tokens are called, by their number."""
    tokens: int = 0
    refusal: Answer | None = None
    """What the token service says in place of a token."""
    messages: list[Message] = field(default_factory=list[Message])
    objects: dict[str, bytes] = field(default_factory=dict[str, bytes])
    calls: list[bytes] = field(default_factory=list[bytes])
    logs: list[Log] = field(default_factory=list[Log])
    function_error: str = ""

    @property
    def url(self) -> str:
        assert self.server
        return self.server.url

    @property
    def credentials(self) -> str:
        """The key of an account of ours, as a configuration holds it."""
        return credentials(f"{self.url}/token")

    def receiver(self) -> Receiver:
        async def arrived(event: Event) -> bool:
            stored = b"\n".join(map(_unpacked, self.objects.values())).splitlines()
            found = [message.data for message in self.messages] + self.calls + [log.data for log in self.logs] + stored
            return event.json in found

        settings = {"endpoint": self.url, "credentials": self.credentials}
        return Receiver(settings, arrived, {**settings, "endpoint": f"http://127.0.0.1:{free_ports(1)}"})

    def __call__(self, request: Request) -> Answer:
        parts = urlsplit(request.url)
        if parts.path == "/token":
            return self.refusal or self._issue(request)
        if request.headers.get("authorization") != f"Bearer {self.token}":
            return Answer(401, {}, b'{"error":{"code":401,"status":"UNAUTHENTICATED"}}')
        try:
            return self._method(parts.path, parse_qs(parts.query), request)
        except msgspec.DecodeError as error:
            return Answer(400, {}, json.dumps({"error": {"code": 400, "message": str(error)}}).encode())

    def _issue(self, request: Request) -> Answer:
        form = {name: values[0] for name, values in parse_qs(request.body.decode()).items()}
        assert form["grant_type"] == "urn:ietf:params:oauth:grant-type:jwt-bearer"
        public = _private_key().public_key()
        claims = jwt.decode(form["assertion"], public, algorithms=["RS256"], audience=f"{self.url}/token")
        assert (claims["iss"], claims["scope"]) == (EMAIL, SCOPE)
        self.tokens += 1
        self.token = self.name.format(self.tokens)
        return _json({"access_token": self.token, "expires_in": self.life, "token_type": "Bearer"})

    def _method(self, path: str, query: Mapping[str, list[str]], request: Request) -> Answer:
        if re.fullmatch(r"/v1/projects/[^/]+/topics/[^/]+:publish", path):
            messages = msgspec.json.decode(request.body, type=Publish).messages
            self.messages += messages
            return _json({"messageIds": [str(number) for number in range(len(messages))]})
        if re.fullmatch(r"/v1/projects/[^/]+/locations/[^/]+/functions/[^/]+:call", path):
            self.calls.append(msgspec.json.decode(request.body, type=Call).data.encode())
            return _json({"executionId": "1"} | ({"error": self.function_error} if self.function_error else {}))
        if re.fullmatch(r"/v1beta/projects/[^/]+/locations/[^/]+/instances/[^/]+/logTypes/[^/]+/logs:import", path):
            logs = msgspec.json.decode(request.body, type=Import).inline_source.logs
            if not all(log.collection_time > log.log_entry_time for log in logs):
                return Answer(400, {}, b'{"error":{"code":400,"message":"collection time"}}')
            self.logs += logs
            return _json({})
        if re.fullmatch(r"/upload/storage/v1/b/[^/]+/o", path) and query["uploadType"] == ["media"]:
            (name,) = query["name"]
            if query.get("ifGenerationMatch") == ["0"] and name in self.objects:
                return Answer(412, {}, b'{"error":{"code":412,"message":"conditionNotMet"}}')
            self.objects[name] = request.body
            return _json({"kind": "storage#object", "name": name})
        return Answer(404, {}, b'{"error":{"code":404}}')


@asynccontextmanager
async def google(token: str = Google.name) -> AsyncGenerator[Google]:
    service = Google(name=token)
    async with loopback(service) as server:
        service.server = server
        yield service


def credentials(token_uri: str) -> str:
    pem = _private_key().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    key = {
        "type": "service_account",
        "project_id": "fake-project",
        "private_key_id": "1",
        "private_key": pem.decode(),
        "client_email": EMAIL,
        "token_uri": token_uri,
    }
    return base64.b64encode(json.dumps(key).encode()).decode()


@cache
def _private_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


def _unpacked(body: bytes) -> bytes:
    return gzip.decompress(body) if body.startswith(b"\x1f\x8b") else body


def _json(document: Any) -> Answer:
    return Answer(200, {"content-type": "application/json"}, json.dumps(document).encode())
