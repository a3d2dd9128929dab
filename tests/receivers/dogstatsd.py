"""As for StatsD."""

from tests.receivers.statsd import running

__all__ = ["running"]
