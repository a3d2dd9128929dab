"""Between the journal and an output's `send`."""

from sidekick.delivery.connection import Connection
from sidekick.delivery.counts import ATTEMPT_OUTCOMES, OUTCOMES, Counts
from sidekick.delivery.dead_letters import DeadLetter, DeadLetters
from sidekick.delivery.history import Attempt, History
from sidekick.delivery.replay import Refusals, ReplayCursor, taken
from sidekick.delivery.roster import Pause, Roster
from sidekick.delivery.worker import Worker
from sidekick.delivery.workers import Workers

__all__ = [
    "ATTEMPT_OUTCOMES",
    "OUTCOMES",
    "Attempt",
    "Connection",
    "Counts",
    "DeadLetter",
    "DeadLetters",
    "History",
    "Pause",
    "Refusals",
    "ReplayCursor",
    "Roster",
    "Worker",
    "Workers",
    "taken",
]
