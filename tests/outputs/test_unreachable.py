"""Addresses that lead nowhere: refused with the settings if it can be seen, else told without the login in them."""

from typing import Any

import pytest
from pydantic import ValidationError

from sidekick.sdk import Context, MisconfiguredError
from sidekick.settings.catalog import output_types
from tests.outputs.alerts import alert

WRONG = ("a..b", "x" * 64, "[::1")
MAIL = {"from": "us@example.com", "to": "them@example.com"}
SEEN: list[tuple[str, dict[str, Any]]] = [
    *[("mqtt", {"broker": f"tcp://us:secret@{host}:1883"}) for host in WRONG],
    *[("redis", {"address": host}) for host in WRONG],
    *[("smtp", {**MAIL, "hostport": f"{host}:25"}) for host in WRONG],
    *[("statsd", {"forwarder": f"{host}:8125"}) for host in WRONG],
    *[("logstash", {"address": host}) for host in WRONG[:2]],
    *[("syslog", {"host": host}) for host in WRONG[:2]],
    *[("timescaledb", {"host": host}) for host in WRONG[:2]],
    ("mqtt", {"broker": "tcp://us:sec/ret@mosquitto"}),
    *[("mqtt", {"broker": broker}) for broker in ("tcp://", "host:port", "tcp://host:99999", "tcp://host:0")],
    ("mqtt", {"broker": "us:secret@mosquitto:x"}),
    ("timescaledb", {"host": "timescaledb", "port": "secret"}),
    ("wavefront", {"endpointtype": "proxy", "endpointhost": "[::1"}),
    ("wavefront", {"endpointtype": "proxy", "endpointhost": "proxy:x"}),
]
TOLD: list[tuple[str, dict[str, Any]]] = [
    *[("rabbitmq", {"url": f"amqp://us:secret@{host}/", "queue": "falco"}) for host in WRONG],
    *[("webhook", {"address": f"http://us:secret@{host}/"}) for host in WRONG],
    ("webhook", {"address": "secret"}),
]


def names(cases: list[tuple[str, dict[str, Any]]]) -> list[str]:
    return [name for name, _ in cases]


@pytest.mark.parametrize(("name", "settings"), SEEN, ids=names(SEEN))
def test_what_is_no_address_is_refused_with_the_settings(name: str, settings: dict[str, Any]) -> None:
    kind = output_types()[name].output
    assert kind
    with pytest.raises(ValidationError) as raised:
        kind.Settings.model_validate(settings)
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize(("name", "settings"), TOLD, ids=names(TOLD))
async def test_what_is_no_url_is_ours_to_mend(name: str, settings: dict[str, Any]) -> None:
    kind = output_types()[name].output
    assert kind
    output = kind(kind.Settings.model_validate(settings), Context())
    try:
        with pytest.raises(MisconfiguredError, match="no valid URL") as raised:
            await output.send([alert()])
    finally:
        await output.close()
    assert "secret" not in str(raised.value)
