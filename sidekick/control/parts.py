"""What a running service lends to the page and the API."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sidekick.control.ports import Refused, Reload, Senders
from sidekick.delivery import History, Roster, Worker
from sidekick.journal import Journal
from sidekick.pipeline import Silences
from sidekick.sdk.output import Output
from sidekick.store import Reader


@dataclass(frozen=True)
class Parts:
    """`workers` and `histories` are by output, and change as the configuration does.

    `build` makes a second instance of an output that is on. `blocker` is the socket of sidekick-xdp's daemon.
    `patience` is for how many seconds an answer is waited for before a person is told that it goes on.
    """

    folder: Path
    journal: Journal
    workers: Mapping[str, Worker]
    histories: Mapping[str, History]
    roster: Roster
    silences: Silences
    build: Callable[[str], Output[Any]]
    reader: Reader
    refused: Refused
    senders: Senders
    reload: Reload
    blocker: Path | None
    patience: float = 5.0
