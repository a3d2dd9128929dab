"""A configuration file and an environment, written where they are used."""

from collections.abc import Callable, Mapping
from pathlib import Path
from textwrap import dedent

import pytest

from sidekick.settings import Configuration, ConfigurationError, Problem, load

Load = Callable[..., Configuration]
Refuse = Callable[..., list[Problem]]


@pytest.fixture
def configure(tmp_path: Path) -> Load:
    """Loads what is written in a file called config.yaml, with that environment."""

    def configure(text: str | bytes = "", environ: Mapping[str, str] | None = None) -> Configuration:
        path = tmp_path / "config.yaml"
        path.write_bytes(text if isinstance(text, bytes) else dedent(text).encode())
        return load(path, environ or {})

    return configure


@pytest.fixture
def refuse(configure: Load) -> Refuse:
    """The problems of a configuration that must not load."""

    def refuse(text: str | bytes = "", environ: Mapping[str, str] | None = None) -> list[Problem]:
        with pytest.raises(ConfigurationError) as caught:
            configure(text, environ)
        return list(caught.value.problems)

    return refuse
