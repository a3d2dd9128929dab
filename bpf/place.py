"""Where things are on a host."""

from dataclasses import dataclass
from pathlib import Path

from bpf.schema import SCHEMA


@dataclass(frozen=True)
class Place:
    """`pins` is on a bpffs, `run` is lost at a reboot, `state` outlives it."""

    pins: Path = Path("/sys/fs/bpf/sidekick")
    run: Path = Path("/run/sidekick-xdp")
    state: Path = Path("/var/lib/sidekick-xdp")

    @property
    def maps(self) -> Path:
        return self.pins / SCHEMA

    @property
    def links(self) -> Path:
        """Removing a file here detaches that interface at once, whatever else is broken."""
        return self.maps / "links"

    @property
    def socket(self) -> Path:
        return self.run / "socket"

    @property
    def record(self) -> Path:
        """What `attach` did and why, for those who may not ask the kernel."""
        return self.run / "attached.json"

    @property
    def ledger(self) -> Path:
        return self.state / "blocks.jsonl"

    @property
    def allowed(self) -> Path:
        return self.state / "allowed.txt"
