"""Who may look, and who may change what: logins, tokens, a proxy that knows people, and nobody else's pages."""

from sidekick.control.access.accounts import AccessError
from sidekick.control.access.doorkeeper import Doorkeeper
from sidekick.control.access.settings import AccessSettings

__all__ = ["AccessError", "AccessSettings", "Doorkeeper"]
