"""Mattermost: each alert as a message of an incoming webhook."""

from outputs._attachment import FOOTER, AttachmentOutput, AttachmentSettings
from sidekick.sdk import Text
from sidekick.sdk.message import BLANK_ICON, FIELDS


class MattermostSettings(AttachmentSettings):
    """Keys of `mattermost`."""

    footer: Text = FOOTER
    """Text below the fields."""


class Mattermost(AttachmentOutput[MattermostSettings]):
    Settings = MattermostSettings
    title = "Mattermost"
    website = "https://mattermost.com"
    example = {"webhookurl": "https://mattermost.example.com/hooks/TOKEN"}
    order = ("rule", "hostname", "priority", "source", "tags", FIELDS, "time")
    blank_icon = BLANK_ICON
    # A post of Mattermost 5 and later holds 16,383 characters; attachments are stored beside it, in 800,000.
    length = 16_383
    total = 800_000

    def footer(self) -> str:
        return self.settings.footer or FOOTER
