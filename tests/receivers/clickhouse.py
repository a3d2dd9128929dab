"""A ClickHouse of today, as far as its answers go: the version that it is asked for, and nothing else."""

from sidekick.sdk import Answer, Request


def accept(request: Request) -> Answer:
    return Answer(200, {"content-type": "text/plain"}, b"25.8.1.1\n" if b"version()" in request.body else b"")
