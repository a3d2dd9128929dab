"""Azure's REST APIs, for outputs that are logged in by Entra ID.

As whom: by Azure's usual chain (AZURE_TENANT_ID, AZURE_CLIENT_ID and a secret or a certificate, workload identity,
managed identity, the command line's login).
"""

import asyncio
import time
from typing import TYPE_CHECKING, ClassVar, TypeVar

from sidekick.sdk.errors import MisconfiguredError
from sidekick.sdk.extras import optional
from sidekick.sdk.http import HttpClient, shown
from sidekick.sdk.output import Context
from sidekick.sdk.settings import HttpSettings
from sidekick.sdk.token import TokenOutput

if TYPE_CHECKING:
    from azure.identity.aio import DefaultAzureCredential

H = TypeVar("H", bound=HttpSettings)


class AzureOutput(TokenOutput[H]):
    """An output to one of Azure's APIs."""

    extra = "azure"
    audience: ClassVar[str]
    """Whom tokens are meant for, such as https://monitor.azure.com."""

    def __init__(self, settings: H, context: Context) -> None:
        super().__init__(settings, context)
        self._credential: DefaultAzureCredential | None = None

    async def fetch(self, http: HttpClient) -> tuple[str, float]:
        if self._credential is None:
            self._credential = await asyncio.to_thread(_credential, http)
        from azure.core.exceptions import AzureError  # noqa: PLC0415

        try:
            found = await self._credential.get_token(f"{self.audience}/.default")
        except (AzureError, ValueError) as error:
            # The chain says alike that nothing is set, that a login is refused and that nobody answers: all is kept.
            raise MisconfiguredError(f"Entra ID gave no token: {shown(str(error).encode())}") from None
        return f"Bearer {found.token}", found.expires_on - time.time()

    async def close(self) -> None:
        credential, self._credential = self._credential, None
        if credential is not None:
            await credential.close()
        await super().close()


def _credential(http: HttpClient) -> "DefaultAzureCredential":
    """Reads variables and files, and the library takes a while to load; without tries of its own."""
    with optional("azure"):
        from azure.core.pipeline.transport import AioHttpTransport  # noqa: PLC0415
        from azure.identity.aio import DefaultAzureCredential  # noqa: PLC0415
    try:
        transport = AioHttpTransport(session=http.session, session_owner=False)
        return DefaultAzureCredential(retry_total=0, transport=transport)
    except (OSError, ValueError) as error:
        raise MisconfiguredError(f"Azure's credentials cannot be used: {type(error).__name__}") from None
