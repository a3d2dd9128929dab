"""A TLS handshake in memory: whether two ends would trust each other, without a network."""

import ssl
from collections.abc import Mapping
from typing import Any

_MOST = 10  # turns; TLS 1.3 needs two


class HandshakeError(Exception):
    """One end breaks off; the message is OpenSSL's reason."""


class DistrustedServerError(HandshakeError):
    """The client does."""


class DistrustedClientError(HandshakeError):
    """The server does."""


def shake_hands(server: ssl.SSLContext, client: ssl.SSLContext, hostname: str) -> Mapping[str, Any]:
    """The client's certificate as the server sees it, empty without one; raises `HandshakeError`."""
    questions, answers = ssl.MemoryBIO(), ssl.MemoryBIO()
    asking = client.wrap_bio(answers, questions, server_hostname=hostname)
    asked = server.wrap_bio(questions, answers, server_side=True)
    for _ in range(_MOST):
        ended = [_step(asking, DistrustedServerError), _step(asked, DistrustedClientError)]
        if all(ended):
            break
    return asked.getpeercert() or {}


def _step(end: ssl.SSLObject, distrust: type[HandshakeError]) -> bool:
    """Whether this end is done."""
    try:
        end.do_handshake()
    except ssl.SSLWantReadError:
        return False
    except ssl.SSLError as error:
        raise distrust(getattr(error, "verify_message", "") or error.reason or str(error)) from None
    return True
