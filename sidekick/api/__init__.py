"""Port 2802: the JSON API, and the pages beside it."""

from sidekick.api.application import application
from sidekick.api.server import serving

__all__ = ["application", "serving"]
