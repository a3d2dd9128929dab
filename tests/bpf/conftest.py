"""A private bpffs and private network namespaces for each test that wants them; all gone after it."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bpf.wire import Wire


@pytest.fixture
def bpffs(tmp_path: Path) -> Iterator[Path]:
    """A new, empty instance: what it pins can meet nothing of another test."""
    directory = tmp_path / "bpffs"
    directory.mkdir()
    subprocess.run(["mount", "-t", "bpf", "bpf", directory], check=True)
    yield directory
    subprocess.run(["umount", directory], check=True)


@pytest.fixture
def wire() -> Iterator[Wire]:
    made = Wire()
    try:
        yield made
    finally:
        made.close()
