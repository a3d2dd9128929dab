"""Slack: each alert as a message of an incoming webhook."""

from collections.abc import Mapping

from outputs._attachment import FOOTER, AttachmentOutput, AttachmentSettings
from sidekick.sdk import Text

# Slack's own marks, for links and for <!channel>: an attacker's command line must not have them.
_MARKS = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


class SlackSettings(AttachmentSettings):
    """Keys of `slack`."""

    channel: Text = ""
    """Channel in place of the webhook's own, for a webhook that may choose it."""
    footer: Text = FOOTER
    """Text below the fields."""


class Slack(AttachmentOutput[SlackSettings]):
    Settings = SlackSettings
    title = "Slack"
    website = "https://api.slack.com/messaging/webhooks"
    example = {"webhookurl": "https://hooks.slack.com/services/T000/B000/TOKEN"}
    # Slack cuts a message at 40,000 characters (its changelog of April 2018), and an attachment's text at 8,000 (seen).
    length = 8_000
    total = 40_000

    def extras(self) -> Mapping[str, str]:
        return {"channel": self.settings.channel}

    def footer(self) -> str:
        return self.settings.footer or FOOTER

    def escaped(self, text: str) -> str:
        return text.translate(_MARKS)
