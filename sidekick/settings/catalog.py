"""Which outputs there are: the files of `outputs/`."""

import importlib
import pkgutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, cast

import outputs
from sidekick.sdk.output import Output
from sidekick.sdk.settings import OutputSettings
from sidekick.settings import form
from sidekick.settings.key import written


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
        values = {written(name, field): getattr(settings, name) for name, field in self.settings.model_fields.items()}
        return tuple(key for key in self.requires if not values[key])

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
