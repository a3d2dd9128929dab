"""Attach, detach, upgrade, status: one-shot and privileged. The filtering itself then needs no process at all."""

import os
import shutil
import socket
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

import msgspec

from bpf import dispatcher, link, nftables
from bpf.backend import Backend, NotAttachedError
from bpf.dispatcher import Dispatched
from bpf.hook import Hook, TakenError, UnavailableError
from bpf.kernel import Kernel
from bpf.link import Link
from bpf.place import Place
from bpf.program import Program
from bpf.schema import MAPS, TOTALS

XDP_MODES = ("dispatcher", "link", "generic")
MODES = ("auto", *XDP_MODES, "nftables")
EVERY = "*"  # nftables filters every interface but loopback


class AttachError(RuntimeError):
    """Nothing was attached, and everything is as it was."""


class Attached(msgspec.Struct, frozen=True):
    """One interface: how it is filtered, and why not in a better way."""

    interface: str
    mode: str
    why: list[str] = []


@dataclass(frozen=True)
class Options:
    """`group` may write the maps; `sizes` are entries by map; `seed` fills the back end before a packet meets it."""

    mode: str = "auto"
    group: int = -1
    sizes: Mapping[str, int] | None = None
    seed: Callable[[Backend], None] = lambda backend: None


class Attachment:
    """What one `attach` made. `keep` it or `drop` it."""

    def __init__(self, place: Place, hooks: Sequence[Hook], rows: Sequence[Attached]) -> None:
        self.rows = rows
        self._place = place
        self._hooks = hooks

    def keep(self) -> None:
        kept = {row.interface: row for row in recorded(self._place)} | {row.interface: row for row in self.rows}
        try:
            _write_record(self._place, list(kept.values()))
            for hook in self._hooks:
                hook.keep()
        except BaseException:
            self.drop()
            raise

    def drop(self) -> None:
        for hook in self._hooks:
            hook.drop()
        _sweep(self._place)


class Filtered:
    """The nftables table, which covers the host."""

    interface = EVERY
    mode = "nftables"

    def keep(self) -> None:
        """The kernel holds it."""

    def drop(self) -> None:
        nftables.remove()


def attach(place: Place, interfaces: Sequence[str], options: Options) -> Attachment:
    """Filters these interfaces. Raises `AttachError` with a reason for each way that was tried."""
    for interface in interfaces:
        try:
            socket.if_nametoindex(interface)
        except OSError:
            raise AttachError(f"no interface {interface!r}") from None
    why: list[str] = []
    if options.mode != "nftables":
        try:
            return _attach_xdp(place, interfaces, options)
        except UnavailableError as error:
            why.append(str(error))
    if options.mode in ("auto", "nftables"):
        try:
            return _attach_nftables(place, options, why)
        except OSError as error:
            why.append(str(error))
    raise AttachError("; ".join(why))


def detach(place: Place, interfaces: Sequence[str] = ()) -> list[str]:
    """Stops filtering on these interfaces, or on all; needs no record and no daemon. Says which were filtered."""
    done: list[str] = []
    for interface, pin in link.pinned(place.links).items():
        if not interfaces or interface in interfaces:
            link.detach(pin)
            done.append(interface)
    present = [name for _, name in socket.if_nameindex()]
    done += [name for name in present if (not interfaces or name in interfaces) and dispatcher.detach(name)]
    if (not interfaces or EVERY in interfaces) and nftables.exists():
        nftables.remove()
        done.append(EVERY)
    _write_record(place, [row for row in recorded(place) if row.interface not in done])
    _sweep(place)
    return done


def upgrade(place: Place) -> list[str]:
    """Swaps in this version's program, entries kept and no packet let through. Says which interfaces run it now."""
    if not (place.maps / TOTALS).exists():
        if nftables.exists():
            return []
        raise NotAttachedError("nothing is attached")
    done: list[str] = []
    with closing(_loaded(place, None)) as program:
        for interface, pin in link.pinned(place.links).items():
            if link.replace(pin, program.fd):
                done.append(interface)
    for _, interface in socket.if_nameindex():
        if dispatcher.ours(interface):
            dispatcher.replace(interface, place.maps)
            done.append(interface)
    return done


def status(place: Place) -> list[Attached]:
    """What filters, as the kernel says where it may be asked, else as the record has it."""
    why = {row.interface: row.why for row in recorded(place)}
    try:
        pins = link.pinned(place.links)
        rows = [Attached(name, _link_mode(name, pin), why.get(name, [])) for name, pin in pins.items()]
        for _, name in socket.if_nameindex():
            if dispatcher.ours(name):
                rows.append(Attached(name, "dispatcher", why.get(name, [])))
        if nftables.exists():
            rows.append(Attached(EVERY, "nftables", why.get(EVERY, [])))
    except OSError:
        return recorded(place)
    return rows


def backend(place: Place) -> Backend:
    """The back end that is attached. Raises `NotAttachedError` when none is."""
    if (place.maps / TOTALS).exists():
        return Kernel(place.maps)
    try:
        return nftables.Nftables()
    except OSError as error:
        raise NotAttachedError(f"no maps in {place.maps}, and {error}") from error


def recorded(place: Place) -> list[Attached]:
    try:
        return msgspec.json.decode(place.record.read_bytes(), type=list[Attached])
    except (FileNotFoundError, msgspec.DecodeError):
        return []


def _attach_xdp(place: Place, interfaces: Sequence[str], options: Options) -> Attachment:
    modes = XDP_MODES if options.mode == "auto" else (options.mode,)
    hooks: list[Hook] = []
    rows: list[Attached] = []
    with closing(_loaded(place, options.sizes)) as program:
        try:
            _share(place, options.group)
            with closing(Kernel(place.maps)) as maps:
                options.seed(maps)
            for interface in interfaces:
                hook, why = _attach_one(place, interface, program, modes)
                hooks.append(hook)
                rows.append(Attached(interface, hook.mode, why))
        except BaseException:
            Attachment(place, hooks, rows).drop()
            raise
    return Attachment(place, hooks, rows)


def _attach_one(place: Place, interface: str, program: Program, modes: Sequence[str]) -> tuple[Hook, list[str]]:
    if interface in link.pinned(place.links):
        raise AttachError(f"{interface} is attached already; `upgrade` brings a new program, `detach` ends it")
    why: list[str] = []
    for mode in modes:
        try:
            if mode == "dispatcher":
                return Dispatched.attach(interface, place.maps), why
            return Link.attach(interface, mode, program.fd, place.links), why
        except UnavailableError as error:
            why.append(f"{mode}: {error}")
            if isinstance(error, TakenError):
                break
    raise UnavailableError("; ".join(why))


def _attach_nftables(place: Place, options: Options, why: list[str]) -> Attachment:
    new = not nftables.exists()
    nftables.create(options.sizes)
    try:
        with closing(nftables.Nftables()) as table:
            options.seed(table)
    except BaseException:
        if new:
            nftables.remove()
        raise
    return Attachment(place, [Filtered()], [Attached(EVERY, "nftables", why)])


def _loaded(place: Place, sizes: Mapping[str, int] | None) -> Program:
    try:
        place.links.mkdir(parents=True, exist_ok=True, mode=0o700)
        program = Program(place.maps)
    except OSError as error:
        raise UnavailableError(f"xdp: {error}") from error
    try:
        program.resize(sizes or {})
        program.adopt(place.maps)
        program.load()
    except OSError as error:
        program.close()
        _sweep(place)
        raise UnavailableError(f"xdp: {error}") from error
    return program


def _share(place: Place, group: int) -> None:
    """Lets the daemon's group write the maps; the totals are to be read, and the links are root's alone."""
    if group < 0:
        return
    for directory in (place.pins, place.maps):
        os.chown(directory, -1, group)
        directory.chmod(0o750)
    for name in MAPS:
        os.chown(place.maps / name, -1, group)
        (place.maps / name).chmod(0o440 if name == TOTALS else 0o660)


def _link_mode(interface: str, pin: Path) -> str:
    return link.attached_mode(interface) or "defunct" if link.interface_index(pin) else "defunct"


def _write_record(place: Place, rows: list[Attached]) -> None:
    place.record.unlink(missing_ok=True)
    if not rows:
        return
    place.run.mkdir(parents=True, exist_ok=True)
    # The directory may be the daemon's: "x" does not follow a link that it may have put there.
    with place.record.open("xb") as file:
        file.write(msgspec.json.encode(rows))


def _sweep(place: Place) -> None:
    """Removes the maps once nothing is attached: a detached host has not a file of ours on its bpffs."""
    dispatched = any(dispatcher.ours(name) for _, name in socket.if_nameindex())
    if dispatched or link.pinned(place.links):
        return
    with suppress(FileNotFoundError):
        shutil.rmtree(place.maps)
        place.pins.rmdir()
