"""What became of the alerts of one output, in numbers that add up.

At every moment `inherited + accepted = delivered + filtered + dead + damaged + waiting`, where `inherited` is the
backlog found at start and `waiting` what the cursor has not passed. So outcomes are counted only when the cursor
passes them.
"""

from dataclasses import dataclass, field


@dataclass
class Tally:
    """Outcomes of one batch, in events."""

    delivered: int = 0
    filtered: int = 0
    dead: int = 0


@dataclass
class Counts:
    """Totals of one output since the process started."""

    inherited: int = 0
    delivered: int = 0
    filtered: int = 0
    dead: int = 0
    damaged: int = 0
    """Records that the journal could not read any more."""
    failed: int = 0
    """Events in tries that failed, once for each try; falcosidekick's `error`."""
    attempts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(ATTEMPT_OUTCOMES, 0))

    def add(self, tally: Tally, passed: int) -> None:
        """Books a batch with which the cursor moved `passed` records on; what is in no outcome was damaged."""
        self.delivered += tally.delivered
        self.filtered += tally.filtered
        self.dead += tally.dead
        self.damaged += passed - tally.delivered - tally.filtered - tally.dead


ATTEMPT_OUTCOMES = ("ok", "partial", "retryable", "misconfigured", "permanent")
