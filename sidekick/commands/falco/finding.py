"""One thing about a Falco's configuration."""

from dataclasses import asdict, dataclass
from enum import Enum
from typing import Any

from sidekick.settings import Place


class Verdict(Enum):
    OK = "OK"
    ODD = "odd"
    """Alerts come, but a person should know."""
    WRONG = "wrong"
    """No alert comes."""


@dataclass(frozen=True)
class Finding:
    """How one key does, and what to write if it does not. It never holds a token."""

    verdict: Verdict
    key: str
    message: str
    place: Place

    def facts(self) -> dict[str, Any]:
        return asdict(self.place) | {"verdict": self.verdict.value.lower(), "key": self.key, "message": self.message}

    def __str__(self) -> str:
        return f"{self.verdict.value:6}{self.place}: {self.key}: {self.message}"
