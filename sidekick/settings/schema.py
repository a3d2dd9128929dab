"""All that may be written: global keys, the providers' shared keys, every output's, and those of named instances."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from sidekick.sdk.provider import PROVIDERS
from sidekick.sdk.settings import Settings
from sidekick.settings.catalog import OutputType, output_types
from sidekick.settings.key import Key, keys
from sidekick.settings.suggestion import suggest
from sidekick.settings.top import TopSettings

_INSTANCE = re.compile(r"[a-z0-9][a-z0-9_-]*")


@dataclass
class Schema:
    """Grows by the named instances (`slack.ops`) that a file brings in."""

    models: dict[str, type[Settings]]
    types: dict[str, OutputType]
    keys: dict[str, Key] = field(default_factory=dict[str, Key])
    sections: set[str] = field(default_factory=set[str])
    """Every name that has keys below it."""

    def __post_init__(self) -> None:
        for section, model in self.models.items():
            self._admit(keys(model, section))

    def instance(self, name: str) -> bool:
        """Whether `name` can be an instance of an output, which is then known from now on."""
        parent, _, own = name.rpartition(".")
        kind = self.types.get(parent)
        if kind is None or kind.name != parent or not _INSTANCE.fullmatch(own):
            return False
        self.types[name] = kind
        self.models[name] = kind.settings
        self._admit(keys(kind.settings, name))
        return True

    def of(self, section: str) -> list[Key]:
        """The keys that one section's model validates."""
        return [key for key in self.keys.values() if key.section == section]

    def suggest(self, name: str) -> tuple[str, ...]:
        return suggest(name, [*self.keys, *self.sections])

    def _admit(self, more: Mapping[str, Key]) -> None:
        self.keys.update(more)
        for name in more:
            parts = name.split(".")
            self.sections.update(".".join(parts[:count]) for count in range(1, len(parts)))


def schema() -> Schema:
    """What can be configured here, before any file is read."""
    types = output_types()
    models = {"": TopSettings, **PROVIDERS, **{name: kind.settings for name, kind in types.items()}}
    return Schema(models, dict(types))
