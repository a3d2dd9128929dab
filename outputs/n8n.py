"""n8n: each alert to the webhook of a workflow."""

from collections.abc import Sequence

from sidekick.sdk import JSON, NO_SECRET, Event, HttpOutput, HttpSettings, Request, Secret, Text, auth
from sidekick.sdk.body import json_lines


class N8nSettings(HttpSettings):
    """Keys of `n8n`."""

    address: Text = ""
    """URL of the workflow's webhook."""
    user: Text = ""
    """User of the webhook's basic authentication, with `password`."""
    password: Secret = NO_SECRET
    """Password of `user`."""
    headerauthname: Text = ""
    """Name of the webhook's authentication header, with `headerauthvalue`."""
    headerauthvalue: Secret = NO_SECRET
    """Value of the header `headerauthname`."""


class N8n(HttpOutput[N8nSettings]):
    Settings = N8nSettings
    title = "n8n"
    category = "other"
    website = "https://n8n.io"
    requires = ("address",)
    example = {"address": "https://n8n.example.com/webhook/falco"}

    def encode(self, events: Sequence[Event]) -> Request:
        settings = self.settings
        headers = {"Content-Type": JSON} | auth.basic(settings.user, settings.password)
        if settings.headerauthname and settings.headerauthvalue:
            headers[settings.headerauthname] = settings.headerauthvalue.get_secret_value()
        return Request(settings.address, json_lines(events), headers)
