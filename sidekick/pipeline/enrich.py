"""What is added to an alert, or changed in it, before it is kept: falcosidekick's settings, in its order.

custom fields → custom tags → templated fields → bracket replacer → output format. Each later step sees what the earlier
ones made: a template may use a custom field, and the output text may show both.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from sidekick.event import Event, Priority
from sidekick.sdk.template import Template, TemplateExecutionError

_NOTHING: Mapping[str, str] = {}
_FALCO_OUTPUT = re.compile(
    r"[\d:]+\.\d+: (" + "|".join(priority.value for priority in Priority) + ") .", re.IGNORECASE | re.ASCII
)


@dataclass(frozen=True)
class Enrichment:
    """The steps that the configuration asks for; with none of them an event passes as it is."""

    fields: Mapping[str, str] = field(default_factory=dict[str, str])
    tags: tuple[str, ...] = ()
    templates: Mapping[str, Template] = field(default_factory=dict[str, Template])
    bracket: str = ""
    output_format: str = ""

    @property
    def on(self) -> bool:
        return bool(self.fields or self.tags or self.templates or self.bracket or self.output_format)

    def __call__(self, event: Event, stamps: Mapping[str, str] = _NOTHING) -> Event:
        """The event with all that; `stamps` are fields that come before any other of their name."""
        fields = {**event.fields, **self.fields, **stamps}
        templated = {key: _render(template, fields) for key, template in self.templates.items()}
        tags = tuple(sorted(event.tags + self.tags)) if self.tags else event.tags
        fields.update(templated)
        if self.bracket:
            fields = _without_brackets(fields, self.bracket)
        fields.update(stamps)
        return msgspec.structs.replace(
            event,
            fields=fields,
            tags=tags,
            output=self._formatted(event, templated, tags),
        )

    def _formatted(self, event: Event, templated: Mapping[str, str], tags: tuple[str, ...]) -> str:
        """The output text in the configured form; only a text that looks like Falco's own is touched."""
        words = event.output.split(" ")
        if not self.output_format or len(words) < 3 or not _FALCO_OUTPUT.search(event.output):
            return event.output
        parts = {
            "<timestamp>": words[0].removesuffix(":"),
            "<priority>": event.priority.value,
            "<output>": " ".join(words[2:]),
            "<custom_fields>": _pairs(self.fields),
            "<templated_fields>": _pairs(templated),
            "<tags>": ",".join(tags),
        }
        text = _PLACEHOLDER.sub(lambda match: parts[match[0]], self.output_format)
        # What an empty placeholder leaves behind, in falcosidekick's order.
        for rest in (" ", "( )", "()", " "):
            text = text.removesuffix(rest)
        return text


_PLACEHOLDER = re.compile("<(?:timestamp|priority|output|custom_fields|templated_fields|tags)>")


def _render(template: Template, fields: Mapping[str, Any]) -> str:
    """A template that fails on this alert gives what it had written so far, as in falcosidekick."""
    try:
        return template.render(fields)
    except TemplateExecutionError as error:
        return error.partial


def _without_brackets(fields: Mapping[str, Any], bracket: str) -> dict[str, Any]:
    return {key.replace("]", "").replace("[", bracket) if "[" in key else key: value for key, value in fields.items()}


def _pairs(fields: Mapping[str, str]) -> str:
    return " ".join(f"{key}={value}" for key, value in fields.items())
