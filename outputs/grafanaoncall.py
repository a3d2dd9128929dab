"""Grafana OnCall: each alert to an integration's webhook."""

from collections.abc import Sequence

from sidekick.sdk import NO_SECRET, Event, HttpOutput, HttpSettings, Request, Secret, TextMap


class GrafanaOncallSettings(HttpSettings):
    """Keys of `grafanaoncall`."""

    webhookurl: Secret = NO_SECRET
    """URL of the integration; who knows it may raise alerts."""
    customheaders: TextMap = {}
    """Headers to add; a name of ours is replaced."""


class GrafanaOncall(HttpOutput[GrafanaOncallSettings]):
    Settings = GrafanaOncallSettings
    title = "GrafanaOnCall"
    category = "alerting"
    website = "https://grafana.com/products/oncall"
    requires = ("webhookurl",)
    example = {"webhookurl": "https://oncall.example.com/integrations/v1/formatted_webhook/TOKEN/"}
    # OnCall knows an alert by its alert_uid.
    idempotent = True

    def encode(self, events: Sequence[Event]) -> Request:
        (event,) = events
        body = {
            "alert_uid": event.uuid,
            "state": "alerting",
            "title": f"[{event.priority.value}] {event.rule}",
            "message": event.output,
        }
        body |= {"link_to_upstream_details": link} if (link := self.context.link(event)) else {}
        headers = {"Content-Type": "application/json"} | self.settings.customheaders
        return Request.json(self.settings.webhookurl.get_secret_value(), body, headers)
