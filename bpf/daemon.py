"""The long-lived part: answers on a Unix socket, lets blocks end, keeps the protected set and the feeds fresh.

It needs no capability, because it only writes maps that it may write by their files' permissions. When it dies, the
kernel goes on dropping; when it starts again, it takes over what the kernel holds.
"""

import asyncio
import contextlib
import logging
import os
import socket
import struct
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from bpf import protect, protocol
from bpf.backend import FullError, NotAttachedError
from bpf.blocker import Blocker
from bpf.feed import Feed, FeedError
from bpf.protect import HostError, Protection
from bpf.protocol import LINE_LIMIT, Answer
from bpf.target import MalformedError, Network, Target

SWEEP = 15.0
SYNC = 1.0
REFRESH = 300.0  # host names may resolve to other addresses meanwhile
SETTLE = 0.2  # one change of an interface is a burst of netlink messages
CHUNK = 1000
SO_PEERGROUPS = 59  # asm-generic/socket.h; Python has no name for it
FIRST_ACTIVATED = 3  # the first descriptor that systemd passes

log = logging.getLogger("sidekick.xdp")


class ServeError(RuntimeError):
    """The daemon cannot start."""


@dataclass(frozen=True)
class Peers:
    """Who may speak to the daemon, by the credentials that the kernel vouches for. Root and its own user always may."""

    users: frozenset[int] = frozenset()
    groups: frozenset[int] = frozenset()

    def admit(self, connection: socket.socket) -> bool:
        _, user, group = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
        if user in self.users | {0, os.getuid()}:
            return True
        return bool(self.groups & {group, *_peer_groups(connection)})


class Daemon:
    def __init__(self, blocker: Blocker, protection: Protection, feeds: Sequence[Feed], peers: Peers) -> None:
        self._blocker = blocker
        self._protection = protection
        self._feeds = feeds
        self._peers = peers
        self._connections: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    async def run(self, listener: socket.socket, stopping: asyncio.Event) -> None:
        """Serves until `stopping` is set. Raises `HostError` when it cannot find out at the start what to protect."""
        self._blocker.protect(await asyncio.to_thread(self._protection.compute))
        self._blocker.start()
        server = await asyncio.start_unix_server(self._serve, sock=listener, limit=LINE_LIMIT)
        jobs = [self._sweep(), self._sync(), self._watch(), *map(self._follow, self._feeds)]
        tasks = [asyncio.create_task(job) for job in jobs]
        try:
            await _first(stopping.wait(), *tasks)
        finally:
            server.close()
            for task in tasks:
                task.cancel()
            # Closed, not cancelled: what is in hand is answered, and a waiting one reads its end.
            for writer in self._connections.values():
                writer.close()
            await asyncio.gather(*tasks, *self._connections, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._connections[task] = writer
        try:
            if self._peers.admit(writer.get_extra_info("socket")):
                await self._converse(reader, writer)
            else:
                writer.write(protocol.encode(Answer("forbidden", "your user may not speak to sidekick-xdp")))
        except ConnectionError:
            log.debug("a client left")
        finally:
            del self._connections[task]
            writer.close()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            try:
                line = await reader.readline()
            except ValueError:
                writer.write(protocol.encode(Answer("malformed", f"a line may have {LINE_LIMIT} bytes")))
                return
            if not line.endswith(b"\n"):
                return
            writer.write(protocol.encode(await self._answer(line)))
            await writer.drain()

    async def _answer(self, line: bytes) -> Answer:
        try:
            return await self._do(protocol.decode_request(line))
        except (msgspec.DecodeError, MalformedError) as error:
            return Answer("malformed", str(error))
        except NotAttachedError as error:
            return Answer("not_attached", str(error))
        except (OSError, RuntimeError) as error:
            log.warning("request failed: %s", error)
            return Answer("failed", str(error))

    async def _do(self, request: protocol.Request) -> Answer:
        blocker = self._blocker
        match request:
            case protocol.Block():
                return Answer(outcomes=await self._block(request))
            case protocol.Unblock():
                return Answer(ended=blocker.unblock([Target.parse(address) for address in request.addresses]))
            case protocol.Allow():
                if request.networks:
                    blocker.allow([_network(text) for text in request.networks], remove=request.remove)
                return Answer(networks=blocker.protected())
            case protocol.List():
                return Answer(rows=blocker.rows(request.limit))
            case protocol.Decisions():
                return Answer(decisions=list(blocker.decisions))
            case protocol.Stats():
                return Answer(stats=self._stats())
            case protocol.Clear():
                return Answer(ended=blocker.clear())

    async def _block(self, request: protocol.Block) -> list[protocol.Outcome]:
        outcomes: list[protocol.Outcome] = []
        for start in range(0, len(request.entries), CHUNK):
            part = request.entries[start : start + CHUNK]
            outcomes += self._blocker.block(part, request.origin, dry_run=request.dry_run)
            # A list of 100,000 must not hold up the alert that comes meanwhile.
            await asyncio.sleep(0)
        return outcomes

    def _stats(self) -> dict[str, Any]:
        blocker = self._blocker
        feeds = [
            {
                "origin": feed.origin,
                "entries": len(feed.targets),
                "bad": feed.bad,
                "samples": feed.samples,
                "read_at": feed.read_at,
                "error": feed.error,
            }
            for feed in self._feeds
        ]
        return {
            "backend": blocker.backend.name,
            "blocked": dict(blocker.blocked),
            "expired": blocker.expired,
            "refused": dict(blocker.refused),
            "totals": blocker.backend.totals(),
            "fill": blocker.fill(),
            "feeds": feeds,
            "damaged_records": blocker.ledger.damaged,
        }

    async def _sweep(self) -> None:
        attached = True
        while True:
            await asyncio.sleep(SWEEP)
            try:
                if not attached:
                    self._blocker.start()
                    log.warning("attached again")
                self._blocker.sweep()
                # A loader that made new maps meanwhile did not know all that is protected.
                self._blocker.reprotect()
                attached = True
            except NotAttachedError as error:
                if attached:
                    log.warning("nothing is blocked: %s", error)
                attached = False
            except (FullError, OSError) as error:
                log.warning("not swept: %s", error)

    async def _sync(self) -> None:
        while True:
            await asyncio.sleep(SYNC)
            await asyncio.to_thread(self._blocker.ledger.sync)

    async def _watch(self) -> None:
        with contextlib.closing(protect.watch()) as watcher:
            while True:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(protect.changed(watcher), REFRESH)
                await asyncio.sleep(SETTLE)
                try:
                    self._blocker.protect(await asyncio.to_thread(self._protection.compute))
                except (HostError, NotAttachedError, FullError, OSError) as error:
                    log.warning("the protected set stays as it was: %s", error)

    async def _follow(self, feed: Feed) -> None:
        while True:
            try:
                await feed.refresh()
                await self._apply(feed)
            except (FeedError, NotAttachedError, OSError) as error:
                log.warning("%s: %s", feed.origin, error)
            await asyncio.sleep(feed.interval)

    async def _apply(self, feed: Feed) -> None:
        held = self._blocker.held(feed.origin)
        self._blocker.unblock(held - feed.targets)
        # The widest first: nftables refuses a network beside another that it holds or lies in.
        missing = sorted(self._blocker.wanting(feed.targets, feed.origin), key=lambda target: target.length)
        wanted = [protocol.Wanted(str(target), seconds=self._blocker.longest) for target in missing]
        await self._block(protocol.Block(wanted, feed.origin))


def activated() -> socket.socket | None:
    """The socket that systemd passed, if this is the process it passed one to (sd_listen_fds(3))."""
    if os.environ.get("LISTEN_PID") == str(os.getpid()) and os.environ.get("LISTEN_FDS") == "1":
        return socket.socket(fileno=FIRST_ACTIVATED)
    return None


def listen(path: Path) -> socket.socket:
    """A new socket at `path`. Raises `ServeError` when a daemon has it already."""
    if _answers(path):
        raise ServeError(f"a daemon serves {path} already")
    listener = socket.socket(socket.AF_UNIX)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        listener.bind(str(path))
        path.chmod(0o660)
        # Clients that come while the protected set is computed wait instead of being refused.
        listener.listen()
    except OSError as error:
        listener.close()
        raise ServeError(f"cannot listen at {path}: {error.strerror}") from error
    return listener


def _answers(path: Path) -> bool:
    with contextlib.closing(socket.socket(socket.AF_UNIX)) as probe:
        return probe.connect_ex(str(path)) == 0


def _peer_groups(connection: socket.socket) -> tuple[int, ...]:
    try:
        raw = connection.getsockopt(socket.SOL_SOCKET, SO_PEERGROUPS, 1024)
    except OSError:
        # A user of more groups than Python's largest buffer holds is known by its first group only.
        return ()
    return struct.unpack(f"{len(raw) // 4}i", raw)


def _network(text: str) -> Network:
    target = Target.parse(text)
    if target.port:
        raise MalformedError(f"{text!r}: the allow list takes addresses and networks, no ports")
    return target.network


async def _first(*awaitables: Awaitable[Any]) -> None:
    """Returns when one of these ends, and raises what it raised."""
    tasks = [asyncio.ensure_future(each) for each in awaitables]
    done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    tasks[0].cancel()
    for task in done:
        task.result()
