"""A batch of single messages: what their outcomes amount to, and what an end of the connection or of the try does."""

import asyncio

import pytest

from sidekick.sdk import MisconfiguredError, PartialError, PermanentError, RetryableError
from sidekick.sdk.inflight import Verdict, settle


class VendorError(Exception):
    pass


def verdict(error: Exception) -> Verdict:
    if isinstance(error, VendorError):
        return RetryableError(f"vendor: {error}")
    raise error


async def takes() -> None:
    await asyncio.sleep(0)


async def fails(error: Exception) -> None:
    await asyncio.sleep(0)
    raise error


async def hangs() -> None:
    await asyncio.Event().wait()


async def test_a_success_of_all_is_silent() -> None:
    await settle([takes(), takes()], verdict)
    await settle([], verdict)


async def test_what_was_refused_is_told_by_its_place() -> None:
    with pytest.raises(PartialError) as raised:
        await settle([takes(), fails(VendorError("busy")), fails(PermanentError("poison")), takes()], verdict)
    assert {index: (type(error), str(error)) for index, error in raised.value.errors.items()} == {
        1: (RetryableError, "vendor: busy"),
        2: (PermanentError, "poison"),
    }


@pytest.mark.parametrize("kind", [RetryableError, MisconfiguredError, PermanentError])
async def test_what_all_have_is_told_once(kind: type[Exception]) -> None:
    with pytest.raises(kind, match="one"):
        await settle([fails(kind("one")), fails(kind("two"))], verdict)


async def test_a_verdict_of_another_kind_is_told_apart() -> None:
    with pytest.raises(PartialError):
        await settle([fails(MisconfiguredError("login")), fails(RetryableError("busy"))], verdict)


async def test_what_has_no_answer_when_the_connection_ends_is_not_delivered() -> None:
    gone = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_later(0.01, gone.set_result, None)
    with pytest.raises(PartialError) as raised:
        await asyncio.wait_for(settle([takes(), hangs()], verdict, gone), 5)
    assert raised.value.errors.keys() == {1}
    assert isinstance(raised.value.errors[1], RetryableError)


async def test_a_try_that_is_given_up_leaves_nothing_behind() -> None:
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(settle([hangs(), takes()], verdict), 0.01)


async def test_what_is_no_error_of_the_library_is_let_out() -> None:
    with pytest.raises(ZeroDivisionError):
        await settle([takes(), fails(ZeroDivisionError())], verdict)
