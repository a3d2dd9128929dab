"""Google Cloud's REST APIs: an output's requests carry an access token, which is got at connect and renewed in time.

Whose token: the service account's whose key is set, else that of Google's usual chain (the file named by
GOOGLE_APPLICATION_CREDENTIALS, gcloud's own, workload identity by the metadata server).
"""

import asyncio
import base64
import io
import json
from binascii import Error as Base64Error
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from pydantic import SecretStr

from sidekick.sdk.errors import MisconfiguredError, RetryableError
from sidekick.sdk.extras import optional
from sidekick.sdk.http import Answer, Request
from sidekick.sdk.output import Context, HttpOutput
from sidekick.sdk.provider import GcpSettings
from sidekick.sdk.settings import HttpSettings, Text

if TYPE_CHECKING:
    from gcloud.aio.auth import Token

_SCOPE = "https://www.googleapis.com/auth/cloud-platform"
_LIFE = 0.9  # of a token's life after which it is renewed


class GoogleSettings(GcpSettings, HttpSettings):
    """Keys of every output to Google Cloud."""

    endpoint: Text = ""
    """Base URL in place of Google's: a private endpoint, or an emulator, which needs no credentials over http."""


G = TypeVar("G", bound=GoogleSettings)


class GoogleOutput(HttpOutput[G]):
    """An output whose every request says who sends it."""

    extra = "gcp"

    def __init__(self, settings: G, context: Context) -> None:
        super().__init__(settings, context)
        self._token: Token | None = None
        self._bearer, self._renewal = "", 0.0
        self._renewing = asyncio.Lock()

    async def connect(self) -> None:
        await super().connect()
        if self.settings.credentials.get_secret_value() or not self.settings.endpoint.startswith("http:"):
            with optional("gcp"):
                from gcloud.aio.auth import Token  # noqa: PLC0415
            try:
                self._token = Token(_key(self.settings.credentials), scopes=[_SCOPE])
            except (OSError, KeyError, ValueError, TypeError, AttributeError) as error:
                raise MisconfiguredError(f"the credentials cannot be used: {type(error).__name__}") from None
            await self._login()

    async def request(self, request: Request) -> Answer:
        if self._http is None:
            await self.connect()
        headers = {**request.headers, **await self._login()}
        answer = await super().request(replace(request, headers=headers))
        if answer.status == 401:  # revoked before its time
            self._renewal = 0.0
        return answer

    async def close(self) -> None:
        if self._token is not None:
            await self._token.close()
            self._token = None
        self._bearer, self._renewal = "", 0.0
        await super().close()

    async def _login(self) -> dict[str, str]:
        if self._token is None:
            return {}
        async with self._renewing:
            now = asyncio.get_running_loop().time()
            if now >= self._renewal:
                self._bearer, life = await _fresh(self._token)
                self._renewal = now + life * _LIFE
        return {"Authorization": f"Bearer {self._bearer}"}


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


async def _fresh(token: "Token") -> tuple[str, float]:
    """A new access token and its seconds. Asked for by `refresh`, for the library's own `get` tries again by itself."""
    import aiohttp  # noqa: PLC0415
    from jwt import PyJWTError  # noqa: PLC0415

    try:
        found = await token.refresh(timeout=10)
    except aiohttp.ClientResponseError as error:
        reason = f"Google refused the login: HTTP {error.status}: {error.message[:300]}"
        temporary = error.status >= 500 or error.status in (408, 429)
        raise (RetryableError if temporary else MisconfiguredError)(reason) from None
    except aiohttp.ClientConnectorDNSError:
        # Where there is no key, the library asks the metadata server, whose name only Google's machines know.
        raise MisconfiguredError("no credentials are set, and this is no machine of Google Cloud") from None
    except (aiohttp.ClientError, OSError) as error:
        raise RetryableError(f"Google's login cannot be reached: {type(error).__name__}") from None
    except (PyJWTError, KeyError, ValueError, TypeError) as error:
        raise MisconfiguredError(f"the credentials cannot be used: {type(error).__name__}") from None
    return found.value, float(found.expires_in)
