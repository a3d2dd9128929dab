"""Answers that are no plain yes or no: a 200 that refuses, a 400 that speaks of the settings."""

from typing import Any

import pytest

from outputs.webhook import Settings, Webhook
from sidekick.sdk import Context, HttpOutput, MisconfiguredError, PartialError, PermanentError, RetryableError
from sidekick.sdk.http import Answer
from sidekick.sdk.testing import Script, always, loopback
from sidekick.settings.catalog import output_types
from tests.outputs.alerts import alert


def example(name: str) -> HttpOutput[Any]:
    kind = output_types()[name].output
    assert kind is not None
    assert issubclass(kind, HttpOutput)
    return kind(kind.Settings.model_validate(kind.example), Context())


@pytest.mark.parametrize(
    ("name", "status", "body", "error"),
    [
        ("openobserve", 200, b'{"code":200,"status":[{"name":"falco","successful":3,"failed":0}]}', None),
        ("openobserve", 200, b'{"status":[{"successful":2,"failed":1,"error":"too old"}]}', PermanentError),
        ("quickwit", 200, b'{"num_docs_for_processing":3,"num_ingested_docs":3,"num_rejected_docs":0}', None),
        ("quickwit", 200, b'{"num_docs_for_processing":3,"num_rejected_docs":1}', PermanentError),
        ("zincsearch", 200, b'{"message":"bulk data inserted","record_count":3}', None),
        ("zincsearch", 200, b'{"message":"bulk data inserted","record_count":2}', PermanentError),
        ("dynatrace", 204, b"", None),
        ("dynatrace", 200, b'{"details":{"code":200,"message":"1 event was not ingested"}}', PermanentError),
        ("splunk", 200, b'{"text":"Success","code":0}', None),
        ("splunk", 400, b'{"text":"Incorrect index","code":7,"invalid-event-number":0}', MisconfiguredError),
        ("splunk", 400, b'{"text":"Data channel is missing","code":10}', MisconfiguredError),
        ("splunk", 400, b'{"text":"Invalid data channel","code":11}', MisconfiguredError),
        ("splunk", 400, b'{"text":"Invalid data format","code":6,"invalid-event-number":0}', PermanentError),
        ("splunk", 503, b'{"text":"Server is busy","code":9}', RetryableError),
        ("loki", 400, b"entry too far behind", PermanentError),
        ("wavefront", 406, b"pushback", RetryableError),
        ("wavefront", 400, b"no point", PermanentError),
        ("influxdb", 404, b'{"error":"database not found"}', MisconfiguredError),
        *(("webhook", status, b"", None) for status in (200, 201, 202, 204, 299)),
        *(("webhook", status, b"", RetryableError) for status in (408, 425, 429, 500, 502, 503, 504, 599)),
        *(("webhook", status, b"", MisconfiguredError) for status in (301, 307, 401, 402, 403, 404, 405, 407, 410)),
        *(("webhook", status, b"", PermanentError) for status in (400, 409, 413, 415, 422)),
    ],
)
def test_an_answer_is_read(name: str, status: int, body: bytes, error: type[Exception] | None) -> None:
    events = [alert() for _ in range(3)]
    if error is None:
        example(name).read_answer(Answer(status, {}, body), events)
    else:
        with pytest.raises(error) as met:
            example(name).read_answer(Answer(status, {}, body), events)
        assert type(met.value) is error


async def told(script: Script) -> RetryableError:
    async with loopback(script) as server:
        output = Webhook(Settings(address=server.url), Context())
        try:
            with pytest.raises(RetryableError) as raised:
                await output.send([alert()])
        finally:
            await output.close()
    return raised.value


async def test_an_alert_follows_no_redirect() -> None:
    """Its secrets would go along, to whom nobody chose."""
    async with loopback() as elsewhere:
        error = await told(always(Answer(307, {"location": elsewhere.url})))
        assert elsewhere.requests == []
    assert isinstance(error, MisconfiguredError)


async def test_an_answer_without_an_end_does_not_fill_the_memory() -> None:
    error = await told(always(Answer(200, {}, b" " * (17 << 20))))
    assert "longer than 16 MiB" in str(error)


def test_records_of_kafka_are_refused_one_by_one() -> None:
    body = (
        b'{"offsets":[{"offset":1,"error_code":null},{"error_code":2,"error":"busy"},{"error_code":1,"error":"big"}]}'
    )
    with pytest.raises(PartialError) as met:
        example("kafkarest").read_answer(Answer(200, {}, body), [alert() for _ in range(3)])
    assert {index: type(error) for index, error in met.value.errors.items()} == {1: RetryableError, 2: PermanentError}
