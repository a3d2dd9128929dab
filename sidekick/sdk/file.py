"""A small file of ours that is always whole."""

import os
from pathlib import Path


def replace_file(path: Path, content: bytes) -> None:
    """Replaces the file as a whole, so that a crash leaves the old one or the new one; its folder is made if need be.

    Raises OSError, and the old one is as it was then.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_suffix(".new")
    with open(new, "wb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
