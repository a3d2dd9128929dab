"""A host that has no memory left, for this process."""

import resource
import threading
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def no_more_memory(rest: int) -> Generator[None]:
    """Lets this process have that many bytes more, and then none."""
    limits = resource.getrlimit(resource.RLIMIT_AS)
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + rest, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, limits)


@contextmanager
def no_more_threads() -> Generator[None]:
    """Lets this process begin no thread."""
    # Of a size that none was of before, for the stacks of threads that have ended are used again.
    former = threading.stack_size(256 << 20)
    try:
        with no_more_memory(64 << 20):
            yield
    finally:
        threading.stack_size(former)
