"""What an attachment is, whichever way it was made, and why one could not be."""

from typing import Protocol


class UnavailableError(RuntimeError):
    """This way of attaching does not work here; the next may."""


class TakenError(UnavailableError):
    """Somebody else's program is on the hook. It stays there."""


class Hook(Protocol):
    """One interface, filtered. It must be kept or dropped."""

    interface: str
    mode: str

    def keep(self) -> None:
        """Makes it outlive this process."""
        ...

    def drop(self) -> None:
        """Undoes it, also after `keep`."""
        ...
