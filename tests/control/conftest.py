from collections.abc import AsyncIterator

import pytest

from tests.faults.endpoint import Endpoint


@pytest.fixture
async def endpoint() -> AsyncIterator[Endpoint]:
    async with Endpoint().listening() as endpoint:
        yield endpoint
