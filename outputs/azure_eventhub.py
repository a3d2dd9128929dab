"""Azure Event Hubs: each alert as an event of a hub, many in one request."""

import time
from collections.abc import Sequence

from outputs._shared_access import SharedAccessPolicy
from sidekick.sdk import NO_SECRET, BatchLimits, Context, Event, HttpSettings, MisconfiguredError, Request, Secret, Text
from sidekick.sdk.azure import AzureOutput
from sidekick.sdk.http import HttpClient

_SIGNED_FOR = 3600


class EventHubSettings(HttpSettings):
    """Keys of `azure.eventhub`."""

    namespace: Text = ""
    """Host of the namespace, NAME.servicebus.windows.net."""
    name: Text = ""
    """Hub that takes the alerts."""
    connectionstring: Secret = NO_SECRET
    """Connection string of a shared access policy that may send, in place of `namespace`; without it the login is by
    Entra ID, as Azure's usual chain finds it."""


class EventHub(AzureOutput[EventHubSettings]):
    Settings = EventHubSettings
    title = "EventHub"
    category = "queue"
    website = "https://azure.microsoft.com/products/event-hubs"
    requires = ("name",)
    example = {"namespace": "NAME.servicebus.windows.net", "name": "falco"}
    audience = "https://eventhubs.azure.net"
    # The least tier takes 256 KB (https://learn.microsoft.com/azure/event-hubs/event-hubs-quotas), escapes included.
    limits = BatchLimits(count=500, bytes=180_000, linger=0.05)

    def __init__(self, settings: EventHubSettings, context: Context) -> None:
        super().__init__(settings, context)
        self._policy = SharedAccessPolicy.read(settings.connectionstring.get_secret_value())
        host = settings.namespace if "://" in settings.namespace else f"https://{settings.namespace}"
        self._url = self._policy.url if self._policy else host.rstrip("/")

    async def connect(self) -> None:
        if self.settings.connectionstring.get_secret_value() and self._policy is None:
            raise MisconfiguredError("connectionstring lacks Endpoint, SharedAccessKeyName or SharedAccessKey")
        if self._url == "https:":
            raise MisconfiguredError("neither namespace nor connectionstring is set")
        await super().connect()

    async def fetch(self, http: HttpClient) -> tuple[str, float]:
        if self._policy is None:
            return await super().fetch(http)
        return self._policy.signature(self.settings.name, int(time.time()) + _SIGNED_FOR), _SIGNED_FOR

    def encode(self, events: Sequence[Event]) -> Request:
        messages = [{"Body": event.json.decode()} for event in events]
        headers = {"Content-Type": "application/vnd.microsoft.servicebus.json", "x-ms-retrypolicy": "NoRetry"}
        return Request.json(f"{self._url}/{self.settings.name}/messages?api-version=2014-01", messages, headers)
