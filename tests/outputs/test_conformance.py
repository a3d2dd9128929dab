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

KINDS = list(output_types().values())


def _knowledge(name: str) -> ModuleType | None:
    module = f"tests.receivers.{name.replace('.', '_')}"
    return importlib.import_module(module) if importlib.util.find_spec(module) else None


def _cases() -> Iterator[Any]:
    for kind in KINDS:
        known = _knowledge(kind.name)
        running = hasattr(known, "running")
        for check in checks(kind.output, receiver=running):
            marks = [pytest.mark.service] if getattr(known, "SERVICE", False) and "contract" in check.__module__ else []
            yield pytest.param(kind, check, id=f"{kind.name}-{check.__name__}", marks=marks)


@pytest.mark.parametrize(("kind", "check"), [*_cases()])
async def test_output(kind: OutputType, check: Check, request: pytest.FixtureRequest) -> None:
    known = _knowledge(kind.name)
    async with AsyncExitStack() as stack:
        running = getattr(known, "running", None)
        receiver = await stack.enter_async_context(running(request)) if running else Receiver({}, _unasked)
        bench = Bench(kind.output, receiver, getattr(known, "accept", takes_all))
        await check(bench)


async def _unasked(event: object) -> bool:
    raise AssertionError("no receiver was given")


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_an_output_without_http_has_a_receiver(kind: OutputType) -> None:
    assert issubclass(kind.output, HttpOutput) or hasattr(_knowledge(kind.name), "running")
