"""Which outputs there are: the files of `outputs/`, and the sections of falcosidekick that have no file there yet."""

import importlib
import pkgutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, cast

import yaml
from pydantic import create_model

import outputs
from sidekick.sdk.output import Output
from sidekick.sdk.settings import CommaList, Flag, HttpSettings, OutputSettings, Settings, Text, TextMap
from sidekick.settings import form
from sidekick.settings.key import written

_TYPES: dict[type, Any] = {str: Text, bool: Flag, int: int, list: CommaList, dict: TextMap}


@dataclass(frozen=True)
class OutputType:
    """What may be configured under one name; `output` is None while there is no such output here."""

    name: str
    settings: type[OutputSettings]
    requires: tuple[str, ...]
    output: type[Output[Any]] | None = None

    def missing(self, settings: OutputSettings) -> tuple[str, ...]:
        """The required keys without a value: none when the output is on."""
        values = {written(name, field): getattr(settings, name) for name, field in self.settings.model_fields.items()}
        return tuple(key for key in self.requires if not values[key])

    def facts(self) -> Iterator[str]:
        """What a person should know of it, a sentence each."""
        if self.output is None:
            yield "Not built yet: its keys are known from falcosidekick, and it cannot be on."
            return
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
        assert self.output
        text = importlib.import_module(self.output.__module__).__doc__ or ""
        return [" ".join(paragraph.split()) for paragraph in text.split("\n\n")]


@cache
def output_types() -> Mapping[str, OutputType]:
    """Every output by its name in the configuration (`outputs/aws_s3.py` is `aws.s3`), sorted."""
    known = {name: _from_peer(name, section) for name, section in _peer().items()}
    return dict(sorted({**known, **{built.name: built for built in _built()}}.items()))


def peer_names() -> list[str]:
    """The outputs of falcosidekick."""
    return sorted(_peer())


def peer_keys(name: str) -> dict[str, Any]:
    """falcosidekick's own keys of a section with their defaults."""
    return dict(_peer()[name]["keys"])


@cache
def _peer() -> dict[str, dict[str, Any]]:
    text = files("sidekick.settings").joinpath("peer.yaml").read_text("utf-8")
    return cast(dict[str, dict[str, Any]], yaml.load(text, Loader=yaml.CSafeLoader))


def _from_peer(name: str, section: dict[str, Any]) -> OutputType:
    base = HttpSettings if section.get("http") else OutputSettings
    model = create_model(f"Peer_{name}", __base__=base, **_fields(section["keys"]))
    return OutputType(name, model, tuple(section["requires"]))


def _fields(keys: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _field(name, default) for name, default in keys.items()}


def _field(name: str, default: Any) -> tuple[Any, Any]:
    kind = _TYPES[type(default)]
    if kind is TextMap and default:
        section = create_model(f"Peer_{name}", __base__=Settings, **_fields(default))
        return section, section()
    return kind, default


def _built() -> Iterator[OutputType]:
    for module in pkgutil.iter_modules(outputs.__path__):
        if module.name.startswith("_"):
            continue
        found = importlib.import_module(f"outputs.{module.name}")
        for value in vars(found).values():
            if isinstance(value, type) and issubclass(value, Output) and value.__module__ == found.__name__:
                output = cast(type[Output[Any]], value)
                yield OutputType(module.name.replace("_", "."), output.Settings, output.requires, output)
