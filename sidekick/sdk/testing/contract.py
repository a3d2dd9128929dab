"""What any output owes to the delivery engine. A check's docstring is the rule that it states."""

import asyncio
from typing import Any

from pydantic import BaseModel, SecretStr

from sidekick.sdk.errors import DeliveryError, RetryableError
from sidekick.sdk.output import Context
from sidekick.sdk.testing.alerts import alerts, strange_alerts, the_test_event
from sidekick.sdk.testing.bench import PATIENCE, Bench

SECRET = "conformance-secret"  # noqa: S105


async def declares_itself(bench: Bench) -> None:
    """It has a title and a category, and its example turns it on."""
    assert bench.type.title
    assert bench.type.category
    settings = bench.settings()
    values = settings.model_dump(by_alias=True)
    missing = [key for key in bench.type.requires if not values[key]]
    assert not missing, f"the example does not set {', '.join(missing)}"
    output = bench.type(settings, Context())
    assert output.batch.count >= 1
    assert output.concurrency >= 1


async def documents_every_key(bench: Bench) -> None:
    """Every setting has a docstring, and all have defaults, so that the section may be written empty."""
    bench.type.Settings()
    bare = [name for name, key in _keys(bench.type.Settings) if not key.description]
    assert not bare, f"keys without a docstring: {', '.join(bare)}"


async def keeps_secrets(bench: Bench) -> None:
    """A secret is in no printed form of the settings or of the output."""
    hidden = secrets_of(bench.type.Settings)
    settings = bench.settings(**hidden)
    for shown in (repr(settings), str(settings), settings.model_dump_json(), repr(bench.type(settings, Context()))):
        assert SECRET not in shown


async def closes_at_any_time(bench: Bench) -> None:
    """Close is safe before connect, after it, twice, and after a connect that failed."""
    output = bench.type(bench.settings(), Context())
    await output.close()
    await output.close()
    if bench.receiver.nowhere is not None:
        lost = bench.type(bench.settings(**{"timeout": "2s", **bench.receiver.nowhere}), Context())
        try:
            await lost.connect()
        except DeliveryError:
            pass
        finally:
            await lost.close()
            await lost.close()


async def takes_any_alert(bench: Bench) -> None:
    """An alert that is valid and strange is delivered or refused by a DeliveryError."""
    async with bench.output() as output:
        for event in strange_alerts():
            await bench.deliver(output, [event])


async def delivers(bench: Bench) -> None:
    """What was sent without an error is there, the test event too, and again after a close."""
    events = [*alerts(20), the_test_event()]
    async with bench.output() as output:
        assert await bench.deliver(output, events[:10]) == []
        await output.close()
        await output.connect()
        assert await bench.deliver(output, events[10:]) == []
        for event in events:
            assert await bench.receiver.arrived(event), f"alert {event.uuid} did not arrive"


async def says_when_nobody_is_there(bench: Bench) -> None:
    """Where there is no destination, connect or send raises a RetryableError in time."""
    if bench.receiver.nowhere is None:
        return
    output = bench.type(bench.settings(**{"timeout": "2s", **bench.receiver.nowhere}), Context())
    try:
        async with asyncio.timeout(PATIENCE):
            await output.connect()
        error = await bench.refusal(output, alerts(1))
    except RetryableError as refused:
        error = refused
    finally:
        await output.close()
    assert isinstance(error, RetryableError), error


def _keys(model: type[BaseModel]) -> list[tuple[str, Any]]:
    """All keys with their fields, those of nested sections too."""
    found: list[tuple[str, Any]] = []
    for name, key in model.model_fields.items():
        found.append((name, key))
        kind = key.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            found += [(f"{name}.{inner}", of) for inner, of in _keys(kind)]
    return found


def secrets_of(model: type[BaseModel]) -> dict[str, Any]:
    """A value for each secret at the first level."""
    return {name: SECRET for name, key in model.model_fields.items() if key.annotation is SecretStr}
