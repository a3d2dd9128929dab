"""Authorization headers (RFC 9110 §11.6.2); none where what they need is not set."""

import base64

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
