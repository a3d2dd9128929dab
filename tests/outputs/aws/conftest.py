"""Outputs towards a scripted server, which stands in for AWS where moto takes all."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import pytest

from sidekick.sdk import Context
from sidekick.sdk.aws import AwsOutput
from sidekick.sdk.testing import Loopback, Script, loopback, takes_all

Opened = Callable[..., AbstractAsyncContextManager[tuple[AwsOutput[Any], Loopback]]]
KEYS = {"accesskeyid": "AKIDEXAMPLE", "secretaccesskey": "not-to-be-seen", "region": "eu-west-1"}


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> Opened:
    """`opened(Type, script, key=value, …)`: the output connected, with every service of AWS at the server."""

    @asynccontextmanager
    async def run(
        kind: type[AwsOutput[Any]], script: Script = takes_all, **settings: Any
    ) -> AsyncIterator[tuple[AwsOutput[Any], Loopback]]:
        async with loopback(script) as server:
            monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
            output = kind(kind.Settings.model_validate({**kind.example, **KEYS, **settings}), Context())
            try:
                await output.connect()
                yield output, server
            finally:
                await output.close()

    return run
