"""The whole configuration of a process, validated and frozen."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sidekick.sdk.output import Output
from sidekick.sdk.settings import OutputSettings
from sidekick.settings.problem import Problem
from sidekick.settings.top import TopSettings
from sidekick.settings.watch import Mark


@dataclass(frozen=True)
class OutputConfiguration:
    """An output that is on; `name` is `slack`, or `slack.ops` for a named instance."""

    name: str
    type: type[Output[Any]]
    settings: OutputSettings


@dataclass(frozen=True)
class OutputOff:
    """An output that is written but off: the keys that would turn it on."""

    missing: tuple[str, ...]


class Configuration(TopSettings):
    """The keys at the top level as attributes, the outputs by name, and what is odd but valid. Made by `load` alone."""

    outputs: Mapping[str, OutputConfiguration] = {}
    """The outputs that are on."""
    off: Mapping[str, OutputOff] = {}
    """The outputs that are written but off, and why."""
    warnings: tuple[Problem, ...] = ()
    files: Mapping[Path, Mark] = {}
    """The files that it was read from, those of single secrets among them, as they were just before."""
