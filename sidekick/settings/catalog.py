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


@cache
def output_types() -> Mapping[str, OutputType]:
    """Every output by its name in the configuration (`outputs/aws_s3.py` is `aws.s3`), sorted."""
    known = {name: _from_peer(name, section) for name, section in _peer().items() if "requires" in section}
    return dict(sorted({**known, **{built.name: built for built in _built()}}.items()))


@cache
def groups() -> Mapping[str, type[Settings]]:
    """The keys that all outputs of one provider share (`aws.region`), by the provider's name."""
    return {
        name: create_model(f"{name.title()}Group", __base__=Settings, **_fields(section["keys"]))
        for name, section in _peer().items()
        if "requires" not in section
    }


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
    if default and isinstance(default, dict):
        section = create_model(f"Peer_{name}", __base__=Settings, **_fields(cast(dict[str, Any], default)))
        return section, section()
    kind: type = type(default)
    return _TYPES[kind], default


def _built() -> Iterator[OutputType]:
    for module in pkgutil.iter_modules(outputs.__path__):
        found = importlib.import_module(f"outputs.{module.name}")
        for value in vars(found).values():
            if isinstance(value, type) and issubclass(value, Output) and value.__module__ == found.__name__:
                output = cast(type[Output[Any]], value)
                yield OutputType(module.name.replace("_", "."), output.Settings, output.requires, output)
