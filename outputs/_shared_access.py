"""Shared access policies of Azure: a key that signs for a while who may send.

https://learn.microsoft.com/azure/event-hubs/authenticate-shared-access-signature
"""

import base64
import hmac
from dataclasses import dataclass
from typing import Self
from urllib.parse import quote_plus


@dataclass(frozen=True, repr=False)
class SharedAccessPolicy:
    """Where it counts, its name, and its key."""

    url: str
    name: str
    key: str

    @classmethod
    def read(cls, text: str) -> Self | None:
        """The policy of a connection string, as the portal shows it; None where a part of it is missing."""
        pairs = [part.strip().partition("=") for part in text.split(";")]
        parts = {name: value for name, _, value in pairs}
        url = parts.get("Endpoint", "").replace("sb://", "https://", 1).rstrip("/")
        policy = cls(url, parts.get("SharedAccessKeyName", ""), parts.get("SharedAccessKey", ""))
        return policy if policy.url and policy.name and policy.key else None

    def signature(self, resource: str, end: int) -> str:
        """The Authorization header for a resource below the policy's, good until `end`, seconds since 1970."""
        where = quote_plus(f"{self.url}/{resource}")
        digest = hmac.digest(self.key.encode(), f"{where}\n{end}".encode(), "sha256")
        signed = quote_plus(base64.b64encode(digest))
        return f"SharedAccessSignature sr={where}&sig={signed}&se={end}&skn={quote_plus(self.name)}"
