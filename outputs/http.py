"""Any HTTP endpoint, asked as it wants to be: its own body by a template, a login or a signature, one alert or many."""

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator

from sidekick.sdk import (
    JSON,
    NO_SECRET,
    Answer,
    AnyCase,
    BatchLimits,
    Context,
    Event,
    HttpOutput,
    HttpSettings,
    Request,
    Secret,
    Text,
    TextMap,
    auth,
)
from sidekick.sdk.body import json_array
from sidekick.sdk.jinja import JinjaText, compile_jinja


def _upper(value: Any) -> Any:
    return str(value).upper()


class Settings(HttpSettings):
    """Keys of `http`."""

    url: Text = ""
    """URL that takes the alerts."""
    method: Annotated[Literal["POST", "PUT", "PATCH"], BeforeValidator(_upper)] = "POST"
    """POST, PUT or PATCH."""
    headers: TextMap = {}
    """Headers to add; a name of ours is replaced."""
    body: JinjaText = ""
    """Template (Jinja2) of what is sent for an alert, such as `{"text": {{ output | tojson }}}`; empty: its JSON."""
    form: Annotated[Literal["one", "array", "lines"], AnyCase] = "one"
    """What a request carries: `one` alert, or many as a JSON `array` or as `lines`."""
    bearer: Secret = NO_SECRET
    """Token of the Authorization header (RFC 6750); counts before `user`."""
    user: Text = ""
    """User, with `password`."""
    password: Secret = NO_SECRET
    """Password of `user`."""
    signaturekey: Secret = NO_SECRET
    """Key to sign bodies with (HMAC-SHA256)."""
    signature: Annotated[Literal["github", "stripe"], AnyCase] = "stripe"
    """How a body is signed: `stripe`: `t=SECONDS,v1=HEX` over the seconds, a dot and the body, so that a request cannot
    be sent again later by who saw it; `github`: `sha256=HEX` over the body alone."""
    signatureheader: Text = ""
    """Header of the signature; empty: Stripe-Signature or X-Hub-Signature-256."""


class Http(HttpOutput[Settings]):
    Settings = Settings
    title = "HTTP"
    category = "web"
    requires = ("url",)
    example = {"url": "https://alerts.example.com/falco", "body": '{"text": {{ output | tojson }}}', "bearer": "TOKEN"}
    limits = BatchLimits(count=1000, bytes=1 << 20)

    def __init__(self, settings: Settings, context: Context) -> None:
        super().__init__(settings, context)
        self._render = compile_jinja(settings.body) if settings.body else None

    @property
    def batch(self) -> BatchLimits:
        return BatchLimits() if self.settings.form == "one" else super().batch

    def encode(self, events: Sequence[Event]) -> Request:
        keys = self.settings
        items = [self._render(event).encode() if self._render else event.json for event in events]
        kind = "application/x-ndjson" if keys.form == "lines" else JSON
        login = auth.authorization("Bearer", keys.bearer) or auth.basic(keys.user, keys.password)
        return Request(keys.url, _joined(items, keys.form), {"Content-Type": kind} | login | keys.headers, keys.method)

    async def request(self, request: Request) -> Answer:
        keys = self.settings
        signed = auth.signature(keys.signature, keys.signatureheader, keys.signaturekey, request.body, int(time.time()))
        return await super().request(replace(request, headers={**request.headers, **signed}))


def _joined(items: Sequence[bytes], form: str) -> bytes:
    if form == "one":
        return items[0]
    return json_array(items) if form == "array" else b"".join(item + b"\n" for item in items)
