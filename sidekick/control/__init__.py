"""What people do to a running service: the one place behind the page and the API, so that both can do the same."""

from sidekick.control.assembly import Assembly
from sidekick.control.parts import Parts
from sidekick.control.ports import RefusedError, Service

__all__ = ["Assembly", "Parts", "RefusedError", "Service"]
