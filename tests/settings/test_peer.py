"""Every key of falcosidekick is known."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from sidekick.settings import load
from sidekick.settings.catalog import output_types
from sidekick.settings.key import variable
from sidekick.settings.schema import schema
from tests.settings.conftest import Load

COMMON = {"minimumpriority"}
PEER: dict[str, dict[str, Any]] = yaml.safe_load(Path(__file__).with_name("peer.yaml").read_text("utf-8"))


def peer_keys(name: str) -> dict[str, Any]:
    """falcosidekick's own keys of a section with their defaults."""
    return PEER[name]["keys"]


@pytest.mark.parametrize("name", sorted(PEER))
def test_an_output_takes_all_keys_of_falcosidekick(name: str) -> None:
    known = schema()
    written = [key for key, value in peer_keys(name).items() if not (isinstance(value, dict) and value)]
    assert [key for key in [*written, *COMMON] if f"{name}.{key}" not in known.keys] == []


@pytest.mark.parametrize("name", [name for name in sorted(PEER) if output_types()[name].requires])
def test_a_section_with_falcosidekicks_own_defaults_loads(configure: Load, name: str) -> None:
    section: object = {key: value for key, value in peer_keys(name).items() if key not in output_types()[name].requires}
    for part in reversed(name.split(".")):
        section = {part: section}
    configuration = configure(yaml.safe_dump(section))
    assert name in configuration.off


def test_falcosidekick_has_71_outputs() -> None:
    assert len(PEER) == 71


def test_the_defaults_as_variables_turn_nothing_on_and_break_nothing() -> None:
    """falcosidekick's Helm chart sets every variable there is, most of them blank."""
    environ = {
        variable(f"{name}.{key}"): _as_variable(value)
        for name in sorted(PEER)
        for key, value in peer_keys(name).items()
        if key not in output_types()[name].requires
    }
    configuration = load(None, environ)
    assert all(output.type.requires == () for output in configuration.outputs.values())
    assert len(environ) > 200


def _as_variable(value: object) -> str:
    return "" if isinstance(value, list | dict) else str(value).lower() if isinstance(value, bool) else str(value)
