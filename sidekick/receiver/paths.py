"""Which request goes where: a page of ours, an alert, or a refusal, by path alone."""

from dataclasses import dataclass
from enum import Enum
from urllib.parse import unquote

import httptools

from sidekick.receiver.answers import NOT_FOUND, Refusal

PAGES = frozenset({"/ping", "/healthz", "/readyz", "/test", "/metrics"})


class Target(Enum):
    PAGE = "page"
    TEST = "test"
    """A page that makes an alert."""
    ALERT = "alert"


@dataclass(frozen=True)
class Paths:
    """What one listener serves. With `alerts`, every path that is no page of it takes alerts, as in falcosidekick."""

    pages: frozenset[str] = PAGES
    alerts: bool = True

    def target(self, url: bytes) -> Target | Refusal:
        """Where a request for this URL goes; raises `httptools.HttpParserInvalidURLError`."""
        parsed = httptools.parse_url(url)
        path = unquote((parsed.path or b"/").decode("latin-1"))
        if path in self.pages:
            return Target.TEST if path == "/test" else Target.PAGE
        return Target.ALERT if self.alerts else NOT_FOUND
