"""Headers that say who sends: authorization (RFC 9110 §11.6.2) and signatures; none where what they need is not set."""

import base64
import hmac

from pydantic import SecretStr


def basic(user: str, password: SecretStr) -> dict[str, str]:
    """User and password (RFC 7617), when both are set."""
    secret = password.get_secret_value()
    login = base64.b64encode(f"{user}:{secret}".encode()).decode()
    return {"Authorization": f"Basic {login}"} if user and secret else {}


def authorization(scheme: str, credentials: SecretStr) -> dict[str, str]:
    """One secret under a scheme's name: Bearer (RFC 6750) or a vendor's own."""
    secret = credentials.get_secret_value()
    return {"Authorization": f"{scheme} {secret}"} if secret else {}


def signature(style: str, header: str, key: SecretStr, body: bytes, now: int) -> dict[str, str]:
    """A body signed with HMAC-SHA256 at `now`, seconds since 1970, when a key is set: `github` or `stripe`.

    https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries and
    https://docs.stripe.com/webhooks#verify-manually
    """
    secret = key.get_secret_value().encode()
    if not secret:
        return {}
    if style == "github":
        return {header or "X-Hub-Signature-256": f"sha256={hmac.digest(secret, body, 'sha256').hex()}"}
    digest = hmac.digest(secret, b"%d.%b" % (now, body), "sha256").hex()
    return {header or "Stripe-Signature": f"t={now},v1={digest}"}
