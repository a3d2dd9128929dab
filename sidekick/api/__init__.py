"""Port 2802: the JSON API, and the pages beside it."""

from sidekick.api.application import application

__all__ = ["application"]
