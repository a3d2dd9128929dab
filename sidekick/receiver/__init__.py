"""How alerts come in."""

from sidekick.receiver.access import ANYBODY, Sender
from sidekick.receiver.refused import Refused, RefusedLog
from sidekick.receiver.server import Receiver
from sidekick.receiver.settings import ListenSettings
from sidekick.receiver.sockets import ListenError, notify
from sidekick.receiver.state import Accept, Done, Service
from sidekick.receiver.tls import TlsError

__all__ = [
    "ANYBODY",
    "Accept",
    "Done",
    "ListenError",
    "ListenSettings",
    "Receiver",
    "Refused",
    "RefusedLog",
    "Sender",
    "Service",
    "TlsError",
    "notify",
]
