"""What outputs to Yandex Cloud have in common: its services speak AWS's protocols, under a static key."""

from typing import TypeVar

from sidekick.sdk.aws import Credentials, SignedOutput
from sidekick.sdk.errors import MisconfiguredError
from sidekick.sdk.provider import YandexSettings
from sidekick.sdk.settings import HttpSettings, Text


class YandexOutputSettings(YandexSettings, HttpSettings):
    """Keys of every output to Yandex Cloud."""

    endpoint: Text = ""
    """Base URL of the service."""


Y = TypeVar("Y", bound=YandexOutputSettings)


class YandexOutput(SignedOutput[Y]):
    """An output to Yandex Cloud."""

    @property
    def region(self) -> str:
        return self.settings.region

    @property
    def endpoint(self) -> str:
        return self.settings.endpoint.rstrip("/")

    async def connect(self) -> None:
        await self.credentials()
        await super().connect()

    async def credentials(self) -> Credentials:
        key, secret = self.settings.accesskeyid, self.settings.secretaccesskey.get_secret_value()
        if not (key and secret):
            raise MisconfiguredError("no access key: set yandex.accesskeyid and yandex.secretaccesskey")
        return Credentials(key, secret)
