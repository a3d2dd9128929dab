"""All that an output may say of a delivery that did not succeed.

    DeliveryError
    ├── RetryableError        the same bytes may succeed later; `after` is the destination's wish
    │   └── MisconfiguredError    we are wrong (credentials, address, TLS): keep everything, open the breaker at once
    ├── PermanentError        these bytes will never be taken
    └── PartialError          some of the batch: {index: RetryableError or PermanentError}, the rest is delivered

The error carries its own verdict, so that no caller keeps a table of exception classes.
"""

from collections.abc import Mapping

_LONGEST_WISH = 3600.0  # a mistaken one must not end the delivery for years


class DeliveryError(Exception):
    """A destination did not take what it was sent. The message never holds a secret: it is logged and stored."""


class RetryableError(DeliveryError):
    """Worth another try. `after`: seconds that the destination asked us to wait, an hour at most, or None."""

    def __init__(self, message: str, after: float | None = None) -> None:
        super().__init__(message)
        self.after = after if after is None else min(after, _LONGEST_WISH)


class MisconfiguredError(RetryableError):
    """Refused because of who we are or where we knock (401, 403, 404, a certificate): a person has to mend it."""


class PermanentError(DeliveryError):
    """Refused because of what was sent; the same bytes will be refused again."""


class PartialError(DeliveryError):
    """Part of a batch was refused: one verdict for each index into the batch; every other index is delivered."""

    def __init__(self, errors: Mapping[int, RetryableError | PermanentError]) -> None:
        super().__init__(f"{len(errors)} of the batch refused")
        self.errors = errors
