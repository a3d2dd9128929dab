"""The ways of dropping a list of sources that are compared: each loads a list, adds one, and says what it dropped."""

import re
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path

from bpf import loader, nftables, schema
from bpf.kernel import Kernel
from bpf.loader import Options
from bpf.place import Place
from bpf.target import Target
from tests.bpf.wire import Wire, inside

LIFE = 3600 * 10**9


class Rival(ABC):
    """Lives in the host's namespace of one wire. `load` takes the addresses in one go, in their order."""

    name: str

    def __init__(self, wire: Wire, pins: Path, home: Path) -> None:
        self.wire = wire
        self.place = Place(pins / "sidekick", home / "run", home / "state")

    @abstractmethod
    def load(self, addresses: Sequence[str]) -> None: ...

    @abstractmethod
    def add(self, address: str) -> None: ...

    @abstractmethod
    def dropped(self) -> int: ...

    @abstractmethod
    def remove(self) -> None: ...

    def run(self, *arguments: str, text: str | None = None) -> str:
        command = self.wire.command(self.wire.host, *arguments)
        return subprocess.run(command, check=True, capture_output=True, text=True, input=text).stdout


class Ours(Rival):
    """The kernel program; `mode` is link (native) or generic."""

    mode = "link"
    name = "sidekick-xdp, native"

    def load(self, addresses: Sequence[str]) -> None:
        with inside(self.wire.host):
            options = Options(self.mode, sizes={"blocked4": max(1000, 2 * len(addresses))})
            loader.attach(self.place, ["eth0"], options).keep()
        self._kernel = Kernel(self.place.maps)
        self._kernel.block(dict.fromkeys(map(Target.parse, addresses), schema.boot_now() + LIFE))

    def add(self, address: str) -> None:
        self._kernel.block({Target.parse(address): schema.boot_now() + LIFE})

    def dropped(self) -> int:
        return self._kernel.totals()["dropped_address"][0]

    def remove(self) -> None:
        self._kernel.close()
        with inside(self.wire.host):
            loader.detach(self.place)


class Generic(Ours):
    mode = "generic"
    name = "sidekick-xdp, generic"


class NftablesSet(Rival):
    """Our own fallback: the same verbs, by libnftables in this process."""

    name = "nftables set (libnftables)"

    def load(self, addresses: Sequence[str]) -> None:
        with inside(self.wire.host):
            nftables.create({"blocked4": max(1000, 2 * len(addresses))})
            self._table = nftables.Nftables()
            self._table.block(dict.fromkeys(map(Target.parse, addresses), schema.boot_now() + LIFE))

    def add(self, address: str) -> None:
        with inside(self.wire.host):
            self._table.block({Target.parse(address): schema.boot_now() + LIFE})

    def dropped(self) -> int:
        return self._table.totals()["dropped_address"][0]

    def remove(self) -> None:
        self._table.close()
        with inside(self.wire.host):
            nftables.remove()


class NftCommand(NftablesSet):
    name = "nftables set (nft)"

    def add(self, address: str) -> None:
        self.run("nft", "add", "element", "inet", nftables.TABLE, "blocked4", f"{{ {address} timeout 3600s }}")


class Ipset(Rival):
    name = "ipset, iptables raw"

    def load(self, addresses: Sequence[str]) -> None:
        size = 2 * max(1000, len(addresses))
        create = f"create bench hash:ip timeout 3600 maxelem {size}"
        lines = [create, *(f"add bench {address}" for address in addresses)]
        self.run("ipset", "restore", text="\n".join(lines) + "\n")
        self.run(*_RAW, "-A", "PREROUTING", "-m", "set", "--match-set", "bench", "src", "-j", "DROP")

    def add(self, address: str) -> None:
        self.run("ipset", "add", "bench", address)

    def dropped(self) -> int:
        return _dropped(self.run(*_RAW, "-L", "PREROUTING", "-v", "-x", "-n"))

    def remove(self) -> None:
        self.run(*_RAW, "-F", "PREROUTING")
        self.run("ipset", "destroy", "bench")


class Rules(Rival):
    """One rule for each address."""

    name = "iptables-legacy rules"
    command = "iptables-legacy"

    def load(self, addresses: Sequence[str]) -> None:
        rules = (f"-A PREROUTING -s {address} -j DROP" for address in addresses)
        self.run(f"{self.command}-restore", text="\n".join(["*raw", *rules, "COMMIT"]) + "\n")

    def add(self, address: str) -> None:
        self.run(self.command, "-w", "-t", "raw", "-A", "PREROUTING", "-s", address, "-j", "DROP")

    def dropped(self) -> int:
        return _dropped(self.run(self.command, "-t", "raw", "-L", "PREROUTING", "-v", "-x", "-n"))

    def remove(self) -> None:
        self.run(self.command, "-w", "-t", "raw", "-F", "PREROUTING")


class NftRules(Rules):
    name = "iptables-nft rules"
    command = "iptables-nft"


RIVALS: tuple[type[Rival], ...] = (Ours, Generic, NftablesSet, NftCommand, Ipset, Rules, NftRules)
_RAW = ("iptables-legacy", "-w", "-t", "raw")


def _dropped(listing: str) -> int:
    return sum(int(packets) for packets in re.findall(r"^\s*(\d+)\s+\d+\s+DROP", listing, re.MULTILINE))
