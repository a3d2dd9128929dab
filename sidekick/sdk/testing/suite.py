"""All checks of an output, in the order in which they help most."""

from collections.abc import Awaitable, Callable
from typing import Any

from sidekick.sdk.output import HttpOutput, Output
from sidekick.sdk.testing import contract, http
from sidekick.sdk.testing.bench import Bench, Receiver
from sidekick.sdk.testing.loopback import Script, takes_all

Check = Callable[[Bench], Awaitable[None]]
DECLARATION: tuple[Check, ...] = (
    contract.declares_itself,
    contract.documents_every_key,
    contract.keeps_secrets,
    contract.closes_at_any_time,
)
RECEIVER: tuple[Check, ...] = (contract.delivers, contract.takes_any_alert, contract.says_when_nobody_is_there)
HTTP: tuple[Check, ...] = (
    http.encodes_purely,
    http.delivers_by_http,
    http.survives_strange_alerts,
    http.asks_again_after_temporary_errors,
    http.sets_aside_what_is_refused,
    http.keeps_all_while_refused_a_login,
    http.finds_the_poison,
    http.honours_retry_after,
    http.gives_up_a_try_in_time,
    http.reads_any_answer,
    http.tells_no_secret_in_errors,
)


def checks(output: type[Output[Any]], *, receiver: bool) -> tuple[Check, ...]:
    """The checks that apply to an output, with or without a destination of yours."""
    http = HTTP if issubclass(output, HttpOutput) else ()
    return DECLARATION + http + (RECEIVER if receiver else ())


async def check_output(output: type[Output[Any]], receiver: Receiver | None = None, accept: Script = takes_all) -> None:
    """Runs every check that applies; raises AssertionError with the rule that was broken.

    `accept` is how the destination of an HTTP output says yes, where `200 {}` would not do.
    """
    for check in checks(output, receiver=receiver is not None):
        bench = Bench(output, receiver, accept) if receiver else Bench(output, accept=accept)
        try:
            await check(bench)
        except Exception as error:  # whatever an output lets out that it may not breaks the rule
            raise AssertionError(f"{output.__name__}: {check.__doc__} {error}") from error
