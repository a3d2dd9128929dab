"""How long a destination is left alone."""

import pytest

from sidekick.delivery.breaker import Breaker
from sidekick.sdk import MisconfiguredError, Retry, RetryableError


def breaker(chance: float) -> Breaker:
    return Breaker(Retry(minimum="1s", maximum="60s"), lambda: chance)  # type: ignore[arg-type]


def test_the_pause_doubles_up_to_its_maximum() -> None:
    late = breaker(1.0)
    assert [late.failed(RetryableError("x")) for _ in range(8)] == [1, 2, 4, 8, 16, 32, 60, 60]


def test_the_jitter_is_full() -> None:
    assert breaker(0.0).failed(RetryableError("x")) == 0
    assert breaker(0.5).failed(RetryableError("x")) == 0.5


@pytest.mark.parametrize(("after", "pause"), [(120.0, 120.0), (0.1, 1.0)])
def test_the_destinations_wish_is_a_lower_bound(after: float, pause: float) -> None:
    assert breaker(1.0).failed(RetryableError("x", after=after)) == pause


def test_five_failures_open_it_and_one_answer_closes_it() -> None:
    late = breaker(1.0)
    states = []
    for _ in range(5):
        late.failed(RetryableError("x"))
        states.append(late.open)
    assert states == [False] * 4 + [True]
    late.answered()
    assert not late.open
    assert late.failed(RetryableError("x")) == 1


def test_being_set_up_wrongly_opens_it_at_once() -> None:
    late = breaker(1.0)
    late.failed(MisconfiguredError("HTTP 401"))
    assert late.open


def test_years_of_failures_cost_no_overflow() -> None:
    late = breaker(1.0)
    for _ in range(5000):
        assert late.failed(RetryableError("x")) <= 60
