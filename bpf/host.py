"""The commands that run on the host itself instead of asking the daemon."""

import asyncio
import contextlib
import grp
import logging
import pwd
import select
import signal
import sys
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any, TypeVar

import click

from bpf import loader, protect, table
from bpf.allowlist import AllowList
from bpf.backend import Backend, FullError, NotAttachedError
from bpf.blocker import Blocker, seed
from bpf.command import NOT_ATTACHED, Session, fail, seconds
from bpf.daemon import Daemon, Peers, ServeError, activated, listen
from bpf.dry_run import DryRun
from bpf.feed import Feed
from bpf.ledger import Ledger
from bpf.loader import AttachError, Options
from bpf.networks import Networks
from bpf.policy import Policy
from bpf.protect import HostError, Protection, Wanted
from bpf.schema import BLOCK_MAPS
from bpf.target import MalformedError, Network, Target

Command = TypeVar("Command", bound=Callable[..., Any])
FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@dataclass(frozen=True)
class Limits:
    """What the daemon is told on its command line."""

    rate: int
    longest: float
    included: Sequence[str]


def protecting(command: Command) -> Command:
    """Adds the options that say what is never blocked."""
    names = click.option("--protect", multiple=True, metavar="NAME", help="Address, network or host never to block.")
    files = click.option(
        "--destinations", multiple=True, type=FILE, help="YAML: protect each URL's host and host:port."
    )
    return names(files(command))


@click.command()
@click.option("--interface", "-i", multiple=True, help="Default: those with a default route.")
@click.option("--mode", type=click.Choice(loader.MODES), default="auto", show_default=True)
@click.option("--group", metavar="GROUP", default=None, help="The daemon's group: may write the maps.")
@click.option("--confirm", type=seconds, default=None, help="Detach again unless Enter is pressed within this time.")
@click.option("--addresses", type=click.IntRange(1), default=65536, show_default=True, help="Most, per IP version.")
@click.option("--networks", type=click.IntRange(1), default=16384, show_default=True, help="Most, per IP version.")
@protecting
@click.pass_obj
def attach(
    session: Session,
    interface: tuple[str, ...],
    mode: str,
    group: str | None,
    confirm: float | None,
    addresses: int,
    networks: int,
    protect: tuple[str, ...],
    destinations: tuple[Path, ...],
) -> None:
    """Start filtering; what was blocked before a reboot is blocked from the first packet on."""
    sizes = dict.fromkeys(BLOCK_MAPS, networks) | {"blocked4": addresses, "blocked6": addresses}
    with reported():
        found = Protection(Wanted(protect, destinations)).compute()
        options = Options(mode, _group(group), sizes, lambda backend: _seed(session, backend, found))
        attachment = loader.attach(session.place, interface or _default_interfaces(), options)
        if confirm is not None and not _confirmed(attachment, confirm):
            attachment.drop()
            fail("not confirmed: detached", NOT_ATTACHED)
        attachment.keep()
    session.show(attachment.rows, lambda: table.attached(attachment.rows))


@click.command()
@click.option("--interface", "-i", multiple=True, help="Default: all that are filtered.")
@click.pass_obj
def detach(session: Session, interface: tuple[str, ...]) -> None:
    """Stop filtering: the emergency brake. Needs no daemon."""
    with reported():
        done = loader.detach(session.place, interface)
    session.show(done, lambda: click.echo(f"detached from {', '.join(done)}" if done else "nothing was attached"))


@click.command()
@click.pass_obj
def upgrade(session: Session) -> None:
    """Swap in this version's program: no entry lost, no packet let through."""
    with reported():
        done = loader.upgrade(session.place)
    session.show(done, lambda: click.echo(f"upgraded: {', '.join(done) or 'nothing to upgrade'}"))


@click.command()
@click.pass_obj
def status(session: Session) -> None:
    """Show which interfaces are filtered, how, and why not in a better way."""
    with reported():
        rows = loader.status(session.place)
    session.show(rows, lambda: table.attached(rows) if rows else click.echo("nothing is attached"))
    if not rows:
        raise SystemExit(NOT_ATTACHED)


@click.command()
@click.option("--dry-run", is_flag=True, help="Judge and record, but block nothing.")
@click.option("--include", multiple=True, metavar="NETWORK", help="May be blocked though it is not globally routable.")
@click.option("--rate", type=click.IntRange(1), default=60, show_default=True, help="New blocks a minute from alerts.")
@click.option("--longest", type=seconds, default="30d", show_default=True, help="No block lasts longer.")
@click.option(
    "--feed", multiple=True, metavar="SOURCE", help="A path, an http(s) URL, or redis://HOST:PORT/0?key=NAME."
)
@click.option("--refresh", type=seconds, default="5m", show_default=True, help="How often feeds are read.")
@click.option("--user", multiple=True, help="May speak to the daemon, besides root and its own user.")
@click.option("--group", multiple=True, help="Its members may speak to the daemon.")
@protecting
@click.pass_obj
def serve(
    session: Session,
    dry_run: bool,
    include: tuple[str, ...],
    rate: int,
    longest: float,
    feed: tuple[str, ...],
    refresh: float,
    user: tuple[str, ...],
    group: tuple[str, ...],
    protect: tuple[str, ...],
    destinations: tuple[Path, ...],
) -> None:
    """Run the daemon that blocks, unblocks and lets blocks end. Needs no capability."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s")
    peers = Peers(frozenset(map(_user, user)), frozenset(map(_group, group)))
    with reported():
        feeds = [Feed(source, refresh) for source in feed]
        blocker = _blocker(session, Limits(rate, longest, include), dry_run=dry_run)
        protection = Protection(Wanted(protect, destinations))
        served = Daemon(blocker, protection, feeds, peers)
        with contextlib.closing(blocker.ledger), contextlib.closing(blocker.backend):
            asyncio.run(_serve(session, served))


@contextlib.contextmanager
def reported() -> Generator[None]:
    """Turns what this host cannot do into a sentence and an exit code."""
    try:
        yield
    except (NotAttachedError, FullError, AttachError, HostError, ServeError, MalformedError) as error:
        fail(str(error), NOT_ATTACHED)
    except OSError as error:
        about = f"{error.filename}: {error.strerror}" if error.filename else str(error)
        fail(about, NOT_ATTACHED)


async def _serve(session: Session, served: Daemon) -> None:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    passed = activated()
    listener = passed or listen(session.place.socket)
    try:
        await served.run(listener, stopping)
    finally:
        # systemd keeps its own socket for the next daemon.
        if not passed:
            session.place.socket.unlink(missing_ok=True)


def _blocker(session: Session, limits: Limits, *, dry_run: bool) -> Blocker:
    place = session.place
    backend = DryRun() if dry_run else loader.backend(place)
    # What was only tried must not be blocked in earnest at the next start.
    ledger = Ledger(place.ledger.with_name("dry-run.jsonl") if dry_run else place.ledger)
    included = Networks({_network(text): "" for text in limits.included})
    return Blocker(backend, ledger, Policy(included, limits.rate), AllowList(place.allowed), limits.longest)


def _seed(session: Session, backend: Backend, found: dict[Network, str]) -> None:
    left_out = seed(backend, session.place.ledger, session.place.allowed, found)
    if left_out:
        click.echo(f"no room for {left_out} of the recorded blocks; attach with larger maps", err=True)


def _default_interfaces() -> list[str]:
    names = protect.default_interfaces()
    if not names:
        raise AttachError("no interface has a default route; name one with --interface")
    return names


def _confirmed(attachment: loader.Attachment, limit: float) -> bool:
    """Whether Enter came in time: a keystroke proves that the session still reaches this host."""

    def hang_up(number: int, frame: FrameType | None) -> None:
        raise TimeoutError

    for number in (signal.SIGHUP, signal.SIGTERM, signal.SIGINT):
        signal.signal(number, hang_up)
    interfaces = ", ".join(row.interface for row in attachment.rows)
    click.echo(f"filtering {interfaces}; press Enter within {limit:g} s to keep it", err=True)
    try:
        ready, _, _ = select.select([sys.stdin], [], [], limit)
        return bool(ready) and sys.stdin.readline().endswith("\n")
    except TimeoutError:
        return False


def _network(text: str) -> Network:
    return Target.parse(text).network


def _group(name: str | None) -> int:
    if name is None:
        return -1
    if name.isdigit():
        return int(name)
    try:
        return grp.getgrnam(name).gr_gid
    except KeyError:
        raise click.BadParameter(f"no group {name!r}") from None


def _user(name: str) -> int:
    if name.isdigit():
        return int(name)
    try:
        return pwd.getpwnam(name).pw_uid
    except KeyError:
        raise click.BadParameter(f"no user {name!r}") from None
