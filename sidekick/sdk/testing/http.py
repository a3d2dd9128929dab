"""What an HTTP output owes besides: its verdict of each answer, and of none. A check's docstring is its rule."""

import email.utils
import itertools
import random
import time
from collections.abc import Callable
from typing import Any, cast
from urllib.parse import urlsplit

from sidekick.event import Event
from sidekick.sdk.errors import DeliveryError, MisconfiguredError, PermanentError, RetryableError
from sidekick.sdk.http import Answer, Request
from sidekick.sdk.output import Context, HttpOutput
from sidekick.sdk.testing.alerts import alerts, strange_alerts, the_test_event
from sidekick.sdk.testing.bench import Bench, batches
from sidekick.sdk.testing.contract import SECRET, secrets_of
from sidekick.sdk.testing.loopback import Fault, Script, always


async def encodes_purely(bench: Bench) -> None:
    """The same events give the same request: twice, from another instance, and read back from the journal."""
    first, second = (cast("HttpOutput[Any]", bench.type(bench.settings(), Context())) for _ in range(2))
    for event in [*alerts(1), *strange_alerts(), the_test_event()]:
        before = event.json
        request = first.encode([event])
        assert request == first.encode([event]) == second.encode([event])
        assert request == second.encode([Event.from_json(before)])
        assert event.json == before, "encode changed the event"


async def delivers_by_http(bench: Bench) -> None:
    """Every alert arrives, in requests that hold no more than a batch, the test event too; also after a close."""
    async with bench.http() as (output, server):
        events = [*alerts(20), the_test_event()]
        assert await bench.deliver(output, events) == []
        expected = [output.encode(batch).body for batch in batches(events, output.batch.count)]
        bodies = [request.body for request, _ in server.requests]
        assert all(body in bodies for body in expected)
        await output.close()
        await output.connect()
        assert await bench.deliver(output, events[:1]) == []


async def survives_strange_alerts(bench: Bench) -> None:
    """An alert that is valid and strange goes out."""
    async with bench.http() as (output, _):
        for event in strange_alerts():
            await bench.send(output, [event])


async def asks_again_after_temporary_errors(bench: Bench) -> None:
    """5xx, 408 and 429 raise RetryableError; nothing is lost, and nothing given up."""
    async with bench.http() as (output, server):
        for status in (500, 502, 503, 504, 408, 429):
            server.script = always(Answer(status, {}, b"not now"))
            error = await bench.refusal(output, alerts(1))
            assert isinstance(error, RetryableError), f"{status} gave {error!r}"
            assert not isinstance(error, MisconfiguredError), f"{status} is not a matter of settings"
        faults = itertools.cycle([Answer(503), None])
        server.script = _while_sending(bench, lambda: next(faults))
        assert await bench.deliver(output, alerts(12)) == []


async def sets_aside_what_is_refused(bench: Bench) -> None:
    """400 raises PermanentError and is tried no second time."""
    async with bench.http() as (output, server):
        server.script = always(Answer(400, {}, b"never"))
        error = await bench.refusal(output, alerts(1))
        assert isinstance(error, PermanentError), f"400 gave {error!r}"
        server.script = _while_sending(bench, lambda: Answer(400))
        events = alerts(4)
        assert await bench.deliver(output, events) == events


async def keeps_all_while_refused_a_login(bench: Bench) -> None:
    """401 and 403 raise MisconfiguredError: alerts are kept while a person mends it."""
    async with bench.http() as (output, server):
        for status in (401, 403):
            server.script = always(Answer(status, {}, b"who are you?"))
            error = await bench.refusal(output, alerts(1))
            assert isinstance(error, MisconfiguredError), f"{status} gave {error!r}"


async def finds_the_poison(bench: Bench) -> None:
    """Among temporary errors, one alert that is always refused is set aside, and every other is delivered."""
    chance = random.Random(4)  # noqa: S311  (the same faults in every run)
    events = alerts(16)
    poison = events[5]

    def refuse() -> Answer | Fault | None:
        if chance.random() < 0.3:
            return chance.choice([Answer(503), Answer(429, {"retry-after": "0"}), Fault.CUT])
        return Answer(400) if poison in bench.sending else None

    async with bench.http() as (output, server):
        server.script = _while_sending(bench, refuse)
        assert await bench.deliver(output, events) == [poison]


async def honours_retry_after(bench: Bench) -> None:
    """Retry-After is given on, as seconds and as a date."""
    date = email.utils.formatdate(time.time() + 30, usegmt=True)
    async with bench.http() as (output, server):
        for value, least, most in (("7", 7.0, 7.0), (date, 25.0, 30.0)):
            server.script = always(Answer(429, {"retry-after": value}))
            error = await bench.refusal(output, alerts(1))
            assert isinstance(error, RetryableError)
            assert error.after is not None, f"Retry-After: {value} was not read"
            assert least <= error.after <= most


async def gives_up_a_try_in_time(bench: Bench) -> None:
    """A destination that never answers, or cuts its answer off, raises RetryableError."""
    async with bench.http(timeout="200ms") as (output, server):
        for fault in Fault:
            server.script = always(fault)
            error = await bench.refusal(output, alerts(1))
            assert isinstance(error, RetryableError), f"{fault} gave {error!r}"


async def reads_any_answer(bench: Bench) -> None:
    """An answer that is no JSON, or none of the destination's, is a success or a DeliveryError."""
    async with bench.http() as (output, server):
        for body in (b"", b"<html>Sign in</html>", b"\xff\x00", b"[]", b"null", b'{"items":7}', b'{"a":' * 2000):
            for kind in ("application/json", "text/html"):
                server.script = always(Answer(200, {"content-type": kind}, body))
                try:
                    await bench.send(output, alerts(1))
                except DeliveryError:
                    continue


async def tells_no_secret_in_errors(bench: Bench) -> None:
    """No error's text holds a secret setting, or the path of the address, which often is one."""
    told: list[str] = []
    hidden = {SECRET}
    try:
        async with bench.http(timeout="200ms", **secrets_of(bench.type.Settings)) as (output, server):
            parts = urlsplit(output.encode(alerts(1)).url)
            hidden |= {text for text in (parts.query, parts.path.strip("/")) if len(text) > 12}
            for outcome in (Answer(401), Answer(400), Answer(503), Answer(302), Fault.CUT, Fault.SILENT):
                server.script = always(outcome)
                told.append(str(await bench.refusal(output, alerts(1))))
    except DeliveryError as error:  # it looks at its secrets when it connects
        told.append(str(error))
    assert not [text for text in told if any(secret in text for secret in hidden)], told


def _while_sending(bench: Bench, refuse: Callable[[], Answer | Fault | None]) -> Script:
    """A destination that is well while the output connects, and during a send whenever `refuse` gives None."""

    def script(request: Request) -> Answer | Fault:
        return (refuse() if bench.sending else None) or bench.accept(request)

    return script
