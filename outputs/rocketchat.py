"""Rocket.Chat: each alert as a message of an incoming webhook."""

from outputs._attachment import FOOTER, AttachmentOutput, AttachmentSettings
from sidekick.sdk import Text
from sidekick.sdk.message import BLANK_ICON, FIELDS


class RocketchatSettings(AttachmentSettings):
    """Keys of `rocketchat`."""

    footer: Text = FOOTER
    """Taken from falcosidekick's files and not used: an attachment has no footer there."""


class Rocketchat(AttachmentOutput[RocketchatSettings]):
    Settings = RocketchatSettings
    title = "Rocketchat"
    website = "https://www.rocket.chat"
    example = {"webhookurl": "https://rocketchat.example.com/hooks/ID/TOKEN"}
    order = ("rule", "priority", "source", "tags", FIELDS, "time", "hostname")
    blank_icon = BLANK_ICON
    # Message_MaxAllowedSize of a server as it is installed.
    length = 5_000
    total = 100_000
