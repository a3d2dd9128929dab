"""The generic output: bodies by a template, logins, signatures that a receiver can verify."""

import hashlib
import hmac
import json
import re
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from outputs.http import Http, Settings
from sidekick.sdk import Context, Event, MisconfiguredError, PermanentError, Request
from sidekick.sdk.errors import DeliveryError
from sidekick.sdk.testing import Bench, loopback
from sidekick.settings.catalog import output_types
from tests.outputs.alerts import alert

URL = "https://alerts.example.com/falco"
TEXTS = st.text(st.characters(exclude_categories=["Cs"]))


def output(**settings: Any) -> Http:
    return Http(Settings(**{"url": URL, **settings}), Context())


def body(events: list[Event], **settings: Any) -> str:
    return output(**settings).encode(events).body.decode()


async def received(events: list[Event], **settings: Any) -> Request:
    async with loopback() as server:
        sender = output(**{"url": f"{server.url}/in?a=b", **settings})
        try:
            await sender.connect()
            await sender.send(events)
        finally:
            await sender.close()
    ((request, _),) = server.requests
    return request


async def test_without_more_it_posts_the_alert() -> None:
    event = alert()
    request = await received([event])
    assert (request.method, request.url, request.body) == ("POST", "/in?a=b", event.json)
    assert request.headers["content-type"] == "application/json; charset=utf-8"
    assert "authorization" not in request.headers
    assert not [name for name in request.headers if "signature" in name]


@given(TEXTS, TEXTS, st.lists(TEXTS, max_size=3))
def test_what_tojson_writes_is_read_back(rule: str, text: str, tags: list[str]) -> None:
    event = alert({"proc.name": text, "n": 2**70, "none": None}, rule=rule or "r", tags=tags)
    template = (
        '{"r": {{ rule | tojson }}, "f": {{ output_fields | tojson }}, "t": {{ tags | tojson }}, "a": {{ json }}}'
    )
    found = json.loads(body([event], body=template))
    assert found == {"r": event.rule, "f": event.fields, "t": list(event.tags), "a": json.loads(event.json)}


def test_a_template_knows_fields_and_leaves_out_what_has_no_value() -> None:
    template = (
        "{{ priority | upper }} {{ output_fields['k8s.ns.name'] }}{{ output_fields['fd.name'] }}|{{ hostname }}\n"
    )
    assert body([alert({"k8s.ns.name": None})], body=template) == "NOTICE |node-01\n"
    assert body([alert({"fd.name": "/etc"})], body=template) == "NOTICE /etc|node-01\n"
    template = "{{ output_fields['a'] | tojson }} {{ output_fields['a'] | default('x', true) }}"
    assert body([alert({"a": None})], body=template) == body([alert({})], body=template) == "null x"


def test_numbers_stay_as_they_came() -> None:
    event = Event.from_json(alert().json.replace(b"443", b"1E+2"))
    assert body([event], body="{{ output_fields['fd.rport'] }} {{ output_fields | tojson }}").startswith("1E+2 {")
    assert '"fd.rport":1E+2' in body([event], body="{{ output_fields | tojson }}")


@pytest.mark.parametrize(
    ("template", "reason"),
    [
        ("{{ rule", "line 1"),
        ("\n{% if %}", "line 2"),
        ("{{ evnt.rule }}", "no 'evnt'"),
        ("{{ rule | shout }}", "shout"),
        ("{% include 'secret' %}", "fails"),
        ("{{ ().__class__.__base__.__subclasses__() }}", "unsafe"),
        ("{{ range(10**9) | list }}", "too big"),
        ("{{ output_fields.clear() }}", "unsafe"),
        ("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", "recursion"),
        ("{{ 1 / 0 }}", "zero"),
    ],
)
def test_a_template_that_cannot_work_is_refused_with_the_settings(template: str, reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        Settings(body=template)


def test_a_template_that_fails_on_one_alert_sets_that_alert_aside() -> None:
    with pytest.raises(PermanentError, match="template"):
        body([alert({"n": "text"})], body="{{ output_fields.get('n', 0) + 1 }}")


def test_many_alerts_are_an_array_or_lines() -> None:
    events = [alert({"n": number}) for number in range(3)]
    assert [one["uuid"] for one in json.loads(body(events, form="array"))] == [event.uuid for event in events]
    assert body(events, form="Lines", body="{{ output_fields.n }}") == "0\n1\n2\n"
    assert output(form="lines").encode(events).headers["Content-Type"] == "application/x-ndjson"
    assert (output().batch.count, output(form="array").batch.count) == (1, 1000)


async def test_logins_and_headers_are_those_of_the_settings() -> None:
    request = await received([alert()], bearer="TOKEN", user="me", password="pw", method="put")
    assert (request.method, request.headers["authorization"]) == ("PUT", "Bearer TOKEN")
    request = await received([alert()], user="me", password="pw", headers={"content-type": "text/plain", "X-A": "1"})
    assert request.headers["authorization"] == "Basic bWU6cHc="
    assert (request.headers["content-type"], request.headers["x-a"]) == ("text/plain", "1")


async def test_a_receiver_can_verify_a_signature_with_its_time() -> None:
    before = int(time.time())
    request = await received([alert()], signaturekey="key", signatureheader="X-Signature")
    match = re.fullmatch(r"t=(\d+),v1=([0-9a-f]{64})", request.headers["x-signature"])
    assert match
    signed = f"{match[1]}.".encode() + request.body
    assert match[2] == hmac.new(b"key", signed, hashlib.sha256).hexdigest()
    assert before <= int(match[1]) <= time.time()


async def test_a_receiver_can_verify_a_signature_as_of_github() -> None:
    request = await received([alert(), alert()], signaturekey="key", signature="GitHub", form="array")
    expected = hmac.new(b"key", request.body, hashlib.sha256).hexdigest()
    assert request.headers["x-hub-signature-256"] == f"sha256={expected}"


async def test_a_header_that_cannot_be_sent_keeps_the_alerts() -> None:
    with pytest.raises(MisconfiguredError, match="header"):
        await received([alert()], headers={"X-A": "two\nlines"})


OWN = [name for name, kind in output_types().items() if "customheaders" in kind.settings.model_fields]


@pytest.mark.parametrize("name", OWN)
async def test_a_header_of_the_settings_stands_in_place_of_ours(name: str) -> None:
    own = {"content-type": "text/own", "Authorization": "Own", "X-Own": "1"}
    async with Bench(output_types()[name].output).http(customheaders=own) as (sender, server):
        with suppress(DeliveryError):  # some want more of an answer
            await sender.send([alert()])
        request, _ = server.requests[-1]
    assert (request.headers["content-type"], request.headers["x-own"]) == ("text/own", "1")
    assert request.headers["authorization"] == ("Splunk TOKEN" if name == "splunk" else "Own")


def documented(language: str) -> str:
    page = (Path(__file__).parents[2] / "docs" / "http.md").read_text()
    return re.findall(rf"```{language}\n(.*?)```", page, re.DOTALL)[0]


def test_the_documented_body_is_what_is_sent() -> None:
    sent = body([alert()], **yaml.safe_load(documented("yaml"))["http"])
    assert sent == documented("json").rstrip("\n")


async def test_the_documented_receiver_takes_what_is_ours() -> None:
    names: dict[str, Any] = {"hmac": hmac, "hashlib": hashlib}
    exec(documented("python"), names)
    request = await received([alert()], signaturekey="key")
    header = request.headers["stripe-signature"]
    assert names["is_ours"](header, request.body, b"key", time.time())
    assert not names["is_ours"](header, request.body, b"another", time.time())
    assert not names["is_ours"](header, request.body, b"key", time.time() + 900)
