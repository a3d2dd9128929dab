"""AWS's usual chain of credentials, by its own library: variables, profile, SSO, web identity, container, instance."""

from collections.abc import Callable
from typing import Any, TypeVar

from sidekick.sdk.aws.signature import Credentials
from sidekick.sdk.errors import MisconfiguredError
from sidekick.sdk.extras import optional
from sidekick.sdk.thread import OneThread

T = TypeVar("T")


class Chain:
    """Reads files and asks servers, so it works in a thread of its own; what ends is renewed before it does."""

    def __init__(self) -> None:
        self._thread = OneThread("aws")
        self._session: Any = None
        self._source: Any = None

    async def region(self) -> str:
        """The region of the variables or the profile; empty where there is none."""
        await self._open()
        found: str | None = await self._thread.run(lambda: _asked(lambda: self._session.get_config_variable("region")))
        return found or ""

    async def credentials(self) -> Credentials:
        """Raises `MisconfiguredError` where no place has any."""
        await self._open()
        if self._source is None:
            self._source = await self._thread.run(lambda: _asked(self._session.get_credentials))
        if self._source is None:
            raise MisconfiguredError(
                "no credentials: set aws.accesskeyid and aws.secretaccesskey, or give the process a role"
            )
        found = await self._frozen()
        return Credentials(found.access_key, found.secret_key, found.token or "")

    async def _frozen(self) -> Any:
        # Only credentials that end can be asked, and only a renewal takes time.
        due: Callable[[], bool] = getattr(self._source, "refresh_needed", bool)
        if due():
            return await self._thread.run(lambda: _asked(self._source.get_frozen_credentials))
        return self._source.get_frozen_credentials()

    async def _open(self) -> None:
        if self._session is None:
            self._session = await self._thread.run(_session)

    async def close(self) -> None:
        self._session = self._source = None
        await self._thread.close(lambda: None)


def _session() -> Any:
    with optional("aws"):
        import botocore.session  # noqa: PLC0415

    return botocore.session.get_session()


def _asked(question: Callable[[], T]) -> T:
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415

    try:
        return question()
    except (BotoCoreError, ClientError) as error:
        raise MisconfiguredError(f"no credentials: {error}") from None
