"""Which request goes where: a page of ours, an alert, or a refusal, by path alone."""

import posixpath
from dataclasses import dataclass
from enum import Enum
from urllib.parse import unquote

import httptools

from sidekick.receiver.answers import NOT_FOUND, Refusal, moved

PAGES = frozenset({"/ping", "/healthz", "/readyz", "/test", "/metrics"})


class Target(Enum):
    PAGE = "page"
    ALERT = "alert"


@dataclass(frozen=True)
class Paths:
    """What one listener serves. With `alerts`, every path that is no page of it takes alerts, as in falcosidekick."""

    pages: frozenset[str] = PAGES
    alerts: bool = True

    def target(self, url: bytes) -> Target | Refusal:
        """Where a request for this URL goes; raises `httptools.HttpParserInvalidURLError`."""
        parsed = httptools.parse_url(url)
        path = (parsed.path or b"/").decode("latin-1")
        cleaned = clean(path)
        if cleaned != path and path.startswith("/"):
            query = "?" + parsed.query.decode("latin-1") if parsed.query else ""
            return moved(cleaned + query)
        if unquote(path) in self.pages:
            return Target.PAGE
        return Target.ALERT if self.alerts else NOT_FOUND


def clean(path: str) -> str:
    """The path without `//`, `.` and `..`; a slash at its end stays."""
    cleaned = "/" + posixpath.normpath(path).lstrip("/")
    return cleaned + "/" if path.endswith("/") and cleaned != "/" else cleaned
