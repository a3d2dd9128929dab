"""Libraries that not everybody needs."""

from collections.abc import Generator
from contextlib import contextmanager

from sidekick.sdk.errors import MisconfiguredError


@contextmanager
def optional(name: str) -> Generator[None]:
    """Around the imports of an optional dependency: raises `MisconfiguredError` that says how to install it."""
    try:
        yield
    except ImportError as error:
        raise MisconfiguredError(f"{error.name} is not installed: pip install 'sidekick[{name}]'") from None
