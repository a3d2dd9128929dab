"""The conformance suite: what every output owes to the delivery engine, checked on a real destination.

    await check_output(Webhook)                          # an HTTP output, towards a scripted server on loopback
    await check_output(Kafka, Receiver(settings, arrived))  # any other, towards a destination that you run

Each check is a function whose docstring states the rule, and raises AssertionError. Depends on no test framework.
"""

from sidekick.sdk.testing.bench import Bench, Receiver
from sidekick.sdk.testing.loopback import Fault, Loopback, Script, always, loopback, takes_all
from sidekick.sdk.testing.suite import Check, check_output, checks

__all__ = [
    "Bench",
    "Check",
    "Fault",
    "Loopback",
    "Receiver",
    "Script",
    "always",
    "check_output",
    "checks",
    "loopback",
    "takes_all",
]
