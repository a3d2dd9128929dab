"""Libraries that not everybody needs."""

import logging
from collections.abc import Generator
from contextlib import contextmanager

from sidekick.sdk.errors import MisconfiguredError


@contextmanager
def optional(name: str, quiet: str = "") -> Generator[None]:
    """Around the imports of an optional dependency: raises `MisconfiguredError` that says how to install it.

    `quiet` is the library's logger, where it logs the failures that it raises: delivery tells them, once.
    """
    try:
        yield
    except ImportError as error:
        raise MisconfiguredError(f"{error.name} is not installed: pip install 'sidekick[{name}]'") from None
    if quiet:
        logging.getLogger(quiet).setLevel(logging.CRITICAL)
