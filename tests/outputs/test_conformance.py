"""The public conformance suite over every file of `outputs/`: adding a file adds its tests."""

import importlib
import importlib.util
from collections.abc import Iterator
from contextlib import AsyncExitStack
from types import ModuleType
from typing import Any

import pytest

from sidekick.sdk.output import HttpOutput
from sidekick.sdk.testing import Bench, Check, Receiver, checks, takes_all
from sidekick.settings.catalog import OutputType, output_types

BUILT = [built for built in output_types().values() if built.output]


def _knowledge(name: str) -> ModuleType | None:
    module = f"tests.receivers.{name.replace('.', '_')}"
    return importlib.import_module(module) if importlib.util.find_spec(module) else None


def _cases() -> Iterator[Any]:
    for built in BUILT:
        assert built.output
        known = _knowledge(built.name)
        running = hasattr(known, "running")
        for check in checks(built.output, receiver=running):
            marks = [pytest.mark.service] if getattr(known, "SERVICE", False) and "contract" in check.__module__ else []
            yield pytest.param(built, check, id=f"{built.name}-{check.__name__}", marks=marks)


@pytest.mark.parametrize(("built", "check"), [*_cases()])
async def test_output(built: OutputType, check: Check, request: pytest.FixtureRequest) -> None:
    assert built.output
    known = _knowledge(built.name)
    async with AsyncExitStack() as stack:
        running = getattr(known, "running", None)
        receiver = await stack.enter_async_context(running(request)) if running else Receiver({}, _unasked)
        bench = Bench(built.output, receiver, getattr(known, "accept", takes_all))
        await check(bench)


async def _unasked(event: object) -> bool:
    raise AssertionError("no receiver was given")


@pytest.mark.parametrize("built", BUILT, ids=lambda built: built.name)
def test_an_output_without_http_has_a_receiver(built: OutputType) -> None:
    assert built.output
    assert issubclass(built.output, HttpOutput) or hasattr(_knowledge(built.name), "running")
