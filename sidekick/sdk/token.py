"""A login for a while in every request of an output: got at connect, renewed in time, given up when it is refused."""

import asyncio
from abc import abstractmethod
from dataclasses import replace
from typing import TypeVar

from sidekick.sdk.http import Answer, HttpClient, Request
from sidekick.sdk.output import Context, HttpOutput
from sidekick.sdk.settings import HttpSettings

H = TypeVar("H", bound=HttpSettings)
_LIFE = 0.9  # of a login's life after which it is renewed


class TokenOutput(HttpOutput[H]):
    """An output over HTTP whose Authorization header has to be renewed."""

    def __init__(self, settings: H, context: Context) -> None:
        super().__init__(settings, context)
        self._authorization, self._renewal = "", 0.0
        self._renewing = asyncio.Lock()

    @property
    def anonymous(self) -> bool:
        """Whether requests need no login."""
        return False

    @abstractmethod
    async def fetch(self, http: HttpClient) -> tuple[str, float]:
        """A new value of the header and the seconds that it lasts; raises a `DeliveryError`."""

    async def connect(self) -> None:
        await super().connect()
        assert self._http
        await self._login(self._http)

    async def request(self, request: Request) -> Answer:
        if self._http is None:
            await self.connect()
        assert self._http
        headers = {**request.headers, **await self._login(self._http)}
        answer = await super().request(replace(request, headers=headers))
        if answer.status == 401:  # revoked before its time
            self._renewal = 0.0
        return answer

    async def close(self) -> None:
        self._authorization, self._renewal = "", 0.0
        await super().close()

    async def _login(self, http: HttpClient) -> dict[str, str]:
        if self.anonymous:
            return {}
        async with self._renewing:
            now = asyncio.get_running_loop().time()
            if now >= self._renewal:
                self._authorization, life = await self.fetch(http)
                self._renewal = now + life * _LIFE
        return {"Authorization": self._authorization}
