"""What became of the alerts of one output, in numbers that add up.

At every moment `inherited + accepted = waiting + damaged` and the sum of `OUTCOMES`, where `inherited` is the backlog
found at start and `waiting` what the cursor has not passed. So outcomes are counted only when the cursor passes them. A
digest is no alert of the journal: it is counted apart, and those in it are grouped or throttled.
"""

from dataclasses import dataclass, field
from typing import Literal, get_args

Skipped = Literal["filtered", "silenced", "grouped", "throttled"]
OUTCOMES = ("delivered", *get_args(Skipped), "dead")
ATTEMPT_OUTCOMES = ("ok", "partial", "retryable", "misconfigured", "permanent")


@dataclass
class Tally:
    """Outcomes in events: of one batch, or in all."""

    delivered: int = 0
    filtered: int = 0
    silenced: int = 0
    grouped: int = 0
    throttled: int = 0
    dead: int = 0

    def book(self, outcome: str, count: int = 1) -> None:
        setattr(self, outcome, getattr(self, outcome) + count)


@dataclass
class Counts(Tally):
    """Totals of one output since the process started."""

    inherited: int = 0
    digests: int = 0
    """Messages delivered that stand for grouped or throttled alerts."""
    damaged: int = 0
    """Records that the journal could not read any more."""
    failed: int = 0
    """Events in tries that failed, once for each try; falcosidekick's `error`."""
    attempts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(ATTEMPT_OUTCOMES, 0))

    def add(self, tally: Tally, passed: int) -> None:
        """Books a batch with which the cursor moved `passed` records on; what is in no outcome was damaged."""
        for outcome, count in vars(tally).items():
            if count:
                self.book(outcome, count)
                passed -= count
        self.damaged += passed
