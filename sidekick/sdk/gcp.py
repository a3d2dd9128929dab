"""Google Cloud's REST APIs, for outputs that are logged in there.

As whom: the service account whose key is set, else by Google's usual chain (the file named by
GOOGLE_APPLICATION_CREDENTIALS, gcloud's own, workload identity by the metadata server).
"""

import asyncio
import base64
import io
import json
from binascii import Error as Base64Error
from typing import TYPE_CHECKING, TypeVar

from pydantic import SecretStr

from sidekick.sdk.errors import MisconfiguredError, RetryableError
from sidekick.sdk.extras import optional
from sidekick.sdk.http import HttpClient
from sidekick.sdk.output import Context
from sidekick.sdk.provider import GcpSettings
from sidekick.sdk.settings import HttpSettings, Text
from sidekick.sdk.token import TokenOutput

if TYPE_CHECKING:
    from gcloud.aio.auth import Token

_SCOPE = "https://www.googleapis.com/auth/cloud-platform"


class GoogleSettings(GcpSettings, HttpSettings):
    """Keys of every output to Google Cloud."""

    endpoint: Text = ""
    """Base URL in place of Google's: a private endpoint, or an emulator, which needs no credentials over http."""


G = TypeVar("G", bound=GoogleSettings)


class GoogleOutput(TokenOutput[G]):
    """An output to one of Google Cloud's APIs."""

    extra = "gcp"

    def __init__(self, settings: G, context: Context) -> None:
        super().__init__(settings, context)
        self._account: Token | None = None

    @property
    def anonymous(self) -> bool:
        return not self.settings.credentials.get_secret_value() and self.settings.endpoint.startswith("http:")

    async def fetch(self, http: HttpClient) -> tuple[str, float]:
        if self._account is None:
            self._account = await asyncio.to_thread(_account, self.settings.credentials, http)
        return await _fresh(self._account)

    async def close(self) -> None:
        self._account = None
        await super().close()


def _account(credentials: SecretStr, http: HttpClient) -> "Token":
    """Reads files, and the library takes a while to load."""
    with optional("gcp"):
        from gcloud.aio.auth import Token  # noqa: PLC0415
    try:
        return Token(_key(credentials), session=http.session, scopes=[_SCOPE])
    except (OSError, KeyError, ValueError, TypeError, AttributeError) as error:
        raise MisconfiguredError(f"the credentials cannot be used: {type(error).__name__}") from None


def _key(credentials: SecretStr) -> io.BytesIO | None:
    """The file of a key, None without one."""
    text = credentials.get_secret_value()
    if not text:
        return None
    try:
        key = base64.b64decode(text, validate=True)
        if not isinstance(json.loads(key), dict):
            raise MisconfiguredError("credentials hold no key of a service account")
    except (Base64Error, ValueError):
        raise MisconfiguredError("credentials are no JSON in base64") from None
    return io.BytesIO(key)


async def _fresh(account: "Token") -> tuple[str, float]:
    """An access token and its seconds. Asked for by `refresh`, for the library's own `get` tries again by itself."""
    import aiohttp  # noqa: PLC0415
    from jwt import PyJWTError  # noqa: PLC0415

    try:
        found = await account.refresh(timeout=10)
    except aiohttp.ClientResponseError as error:
        reason = f"Google refused the login: HTTP {error.status}: {error.message[:300]}"
        temporary = error.status >= 500 or error.status in (408, 429)
        raise (RetryableError if temporary else MisconfiguredError)(reason) from None
    except (aiohttp.ClientError, OSError) as error:
        # Where nothing is found, the library asks the metadata server, whose name only Google's machines know.
        if not account.service_data and isinstance(error, aiohttp.ClientConnectorDNSError):
            raise MisconfiguredError("no credentials are set, and this is no machine of Google Cloud") from None
        raise RetryableError(f"Google's login cannot be reached: {type(error).__name__}") from None
    except (PyJWTError, KeyError, ValueError, TypeError) as error:
        raise MisconfiguredError(f"the credentials cannot be used: {type(error).__name__}") from None
    return f"Bearer {found.value}", float(found.expires_in)
