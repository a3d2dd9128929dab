"""Keys of `journal`."""

from typing import Annotated, Literal

from pydantic import Field

from sidekick.sdk.settings import Duration, Settings, Size, Text


class Retention(Settings):
    """How long delivered alerts stay, so that they can be replayed."""

    age: Duration = 7 * 86400.0
    """Delivered alerts older than this are removed; what is not delivered yet stays."""
    size: Annotated[Size, Field(gt=0)] = 10_000_000_000
    """Most bytes of the journal; above it delivered alerts are removed, the oldest first, and `full` applies."""


class JournalSettings(Settings):
    """The durable log between accepting an alert and delivering it."""

    path: Text = ""
    """Directory of the journal, on a local disk; made when missing. Unset: `journal` in `folder`."""
    fsync: Literal["everysec", "always", "no"] = "everysec"
    """When an alert counts as accepted: `everysec` once written (a killed process loses nothing, a power cut at most
    the last second), `always` once on the disk, `no` once written, on the disk when the kernel likes. Save with `no`, a
    disk that cannot keep what it took makes alerts refused (503) until it can."""
    segment: Annotated[Size, Field(gt=0)] = 64 << 20
    """Bytes of one segment file, the unit of removal; an eighth of `retention.size` where that is less."""
    retention: Retention = Retention()
    """How long delivered alerts stay."""
    full: Literal["reject", "drop_oldest"] = "reject"
    """What gives way when undelivered alerts reach `retention.size`: new alerts (503), or the oldest ones."""
    memory: Size = 4 << 20
    """Bytes of the newest alerts kept in memory."""
