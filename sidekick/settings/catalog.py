"""Which outputs there are: the files of `outputs/`."""

import importlib
import pkgutil
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, cast

from pydantic import SecretStr

import outputs
from sidekick.sdk.output import Output
from sidekick.sdk.settings import OutputSettings
from sidekick.settings import form
from sidekick.settings.key import written

_HTTP_URL = re.compile(r"\s*https?://[^\s/]", re.IGNORECASE)


@dataclass(frozen=True)
class OutputType:
    """What may be configured under one name."""

    name: str
    output: type[Output[Any]]

    @property
    def settings(self) -> type[OutputSettings]:
        return self.output.Settings

    @property
    def requires(self) -> tuple[str, ...]:
        return self.output.requires

    def missing(self, settings: OutputSettings) -> tuple[str, ...]:
        """The required keys without a value: none when the output is on."""
        values = self._values(settings)
        return tuple(key for key in self.requires if not values[key])

    def unreachable(self, settings: OutputSettings) -> tuple[str, ...]:
        """The required keys that hold an HTTP URL, as their example does, and whose value is none."""
        values = self._values(settings)
        urls = (key for key in self.requires if str(self.output.example.get(key, "")).startswith("http"))
        return tuple(key for key in urls if not all(map(_HTTP_URL.match, _texts(values[key]))))

    def _values(self, settings: OutputSettings) -> dict[str, Any]:
        return {written(name, field): getattr(settings, name) for name, field in self.settings.model_fields.items()}

    def facts(self) -> Iterator[str]:
        """What a person should know of it, a sentence each."""
        output, limits = self.output, self.output.limits
        yield self._paragraphs()[0] or f"{output.title}."
        has = "has a value" if len(self.requires) == 1 else "have values"
        yield f"On when {' and '.join(self.requires)} {has}." if self.requires else "Always on."
        if limits.count > 1:
            yield f"At most {limits.count} alerts or {form.size(limits.bytes)} go in one request."
        if output.idempotent:
            yield "A resend of the same alert leaves no second copy there."
        if not output.durable:
            yield "It starts at now: it keeps no place in the journal."
        if output.extra:
            yield f"Needs the extra `sidekick[{output.extra}]`."
        if output.website:
            yield f"See {output.website}"

    def remarks(self) -> list[str]:
        """What there is to know besides, in paragraphs: what it can lose, what a table must look like."""
        return self._paragraphs()[1:]

    def _paragraphs(self) -> list[str]:
        text = importlib.import_module(self.output.__module__).__doc__ or ""
        return [" ".join(paragraph.split()) for paragraph in text.split("\n\n")]


def _texts(value: Any) -> Iterator[str]:
    """What a key holds: a text, a secret one, or several."""
    several = cast("tuple[Any, ...]", value) if isinstance(value, tuple) else (value,)
    for one in several:
        yield one.get_secret_value() if isinstance(one, SecretStr) else str(one)


@cache
def output_types() -> Mapping[str, OutputType]:
    """Every output by its name in the configuration (`outputs/aws_s3.py` is `aws.s3`), sorted."""
    return dict(sorted((kind.name, kind) for kind in _found()))


def _found() -> Iterator[OutputType]:
    for module in pkgutil.iter_modules(outputs.__path__):
        if module.name.startswith("_"):
            continue
        found = importlib.import_module(f"outputs.{module.name}")
        for value in vars(found).values():
            if isinstance(value, type) and issubclass(value, Output) and value.__module__ == found.__name__:
                yield OutputType(module.name.replace("_", "."), cast(type[Output[Any]], value))
