"""What is kept of visitors is bounded, whoever comes."""

import asyncio
from ipaddress import IPv4Address

from sidekick.control import RefusedError
from sidekick.control.access.accounts import Account, Accounts
from sidekick.control.access.attempts import Attempts
from sidekick.control.access.sessions import Sessions
from sidekick.control.access.settings import AccessSettings
from tests.api.door import PASSWORD, USERS


def test_failures_of_many_addresses_make_way_for_one_another() -> None:
    attempts = Attempts(most=1, clock=lambda: 0.0)
    addresses = [str(IPv4Address(number)) for number in range(10_001)]
    for address in addresses:
        attempts.failed(address)
    assert attempts.wait(addresses[0]) == 0
    assert attempts.wait(addresses[1]) == attempts.wait(addresses[-1]) == 300


def test_what_is_no_address_waits_too() -> None:
    attempts = Attempts(most=1, clock=lambda: 0.0)
    attempts.failed("")
    assert attempts.wait("a socket") == 300


def test_the_thousandth_and_first_login_ends_the_first() -> None:
    sessions = Sessions(60, clock=lambda: 0.0)
    begun = [sessions.begin(Account("mara", "", may_change=True)) for _ in range(1001)]
    assert sessions.find(begun[0].id) is None
    assert sessions.find(begun[1].id) == begun[1]
    assert len({session.id for session in begun}) == 1001


async def test_a_crowd_at_the_login_waits_at_the_door() -> None:
    accounts = Accounts(AccessSettings.model_validate(USERS).users)
    tries = [accounts.check("mara", "guess" if number else PASSWORD) for number in range(25)]
    outcomes = await asyncio.gather(*tries, return_exceptions=True)
    assert isinstance(outcomes[0], Account)
    assert outcomes[1:20] == [None] * 19
    assert [type(outcome) for outcome in outcomes[20:]] == [RefusedError] * 5
    assert await accounts.check("mara", PASSWORD) == outcomes[0]
