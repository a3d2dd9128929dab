"""The protected set: what this host needs to stay reachable and useful, found out rather than configured."""

import asyncio
import json
import re
import socket
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import ip_network
from pathlib import Path
from typing import Any, cast

import yaml

from bpf.target import MalformedError, Network, Target

RESOLVERS = (Path("/etc/resolv.conf"), Path("/run/systemd/resolve/resolv.conf"))
# RTMGRP_LINK, _IPV4_IFADDR, _IPV4_ROUTE, _IPV6_IFADDR, _IPV6_ROUTE
GROUPS = 0x1 | 0x10 | 0x40 | 0x100 | 0x400
TIMEOUT = 10.0

_URL_HOST = re.compile(r"[a-z][a-z0-9+.-]*://(?:[^@/\s]*@)?(\[[^\]]+\]|[^:/?#\s,]+)", re.IGNORECASE)
_HOST_PORT = re.compile(r"(?:^|[,\s])(\[[^\]]+\]|[A-Za-z0-9_.-]+):\d{1,5}(?=$|[,\s/])")


class HostError(RuntimeError):
    """This host's addresses could not be found out, so nothing can be blocked safely."""


@dataclass(frozen=True)
class Wanted:
    """`names` are addresses, networks or host names; `configurations` are YAML files whose destinations are meant."""

    names: Sequence[str] = ()
    configurations: Sequence[Path] = ()


class Protection:
    """Finds the set out again and again; a name that does not resolve now keeps the addresses that it had."""

    def __init__(self, wanted: Wanted) -> None:
        self._wanted = wanted
        self._resolved: dict[str, list[Network]] = {}

    def compute(self) -> dict[Network, str]:
        """Every protected network and why. Raises `HostError`."""
        found: dict[Network, str] = {}
        for network in gateways():
            found[network] = "a gateway"
        for network in resolvers():
            found[network] = "a resolver"
        for name, why in self._names():
            for network in self._resolve(name):
                found.setdefault(network, why)
        for network in own():
            found[network] = "an address of this host"
        return found

    def _names(self) -> Iterator[tuple[str, str]]:
        for name in self._wanted.names:
            yield name, f"configured ({name})"
        for path in self._wanted.configurations:
            for name in sorted(destinations(path)):
                yield name, f"a destination in {path.name} ({name})"

    def _resolve(self, name: str) -> list[Network]:
        try:
            return [Target.parse(name).network]
        except MalformedError:
            pass
        try:
            answers = socket.getaddrinfo(name, None, proto=socket.IPPROTO_TCP)
        except (OSError, UnicodeError):
            return self._resolved.get(name, [])
        self._resolved[name] = [_single(str(answer[4][0])) for answer in answers]
        return self._resolved[name]


def own() -> set[Network]:
    return {_single(address["local"]) for link in _ip("address") for address in link.get("addr_info", ())}


def gateways() -> set[Network]:
    routes = [*_ip("-4", "route", "show", "table", "all"), *_ip("-6", "route", "show", "table", "all")]
    hops = [hop for route in routes for hop in (route, *route.get("nexthops", ()))]
    addresses = [hop.get("gateway") or hop.get("via", {}).get("host") for hop in hops]
    return {_single(address) for address in addresses if address}


def default_interfaces() -> list[str]:
    """Those with a default route; of a VLAN or macvlan the interface below it, which is where its packets arrive."""
    routes = [*_ip("-4", "route", "show", "default"), *_ip("-6", "route", "show", "default")]
    below = {link["ifname"]: link["link"] for link in _ip("link") if link.get("link") and "@" not in link["link"]}
    names = [hop["dev"] for route in routes for hop in (route, *route.get("nexthops", ())) if hop.get("dev")]
    return sorted({below.get(name, name) for name in names} - {"lo"})


def resolvers() -> set[Network]:
    found: set[Network] = set()
    for path in RESOLVERS:
        for line in path.read_text(errors="replace").splitlines() if path.exists() else ():
            words = line.split()
            if len(words) > 1 and words[0] == "nameserver":
                with suppress(ValueError):  # the resolver passes over it, too
                    found.add(_single(words[1]))
    return found


def destinations(configuration: Path) -> set[str]:
    """The host of every URL and `host:port` in a YAML file, wherever it stands."""
    try:
        document = yaml.safe_load(configuration.read_text())
    except (OSError, ValueError, yaml.YAMLError) as error:  # ValueError: no UTF-8, or a date that there is not
        raise HostError(f"cannot read destinations from {configuration}: {error}") from error
    return {host.strip("[]") for text in _texts(document) for host in hosts(text)}


def hosts(text: str) -> list[str]:
    return _URL_HOST.findall(text) or _HOST_PORT.findall(text)


def watch() -> socket.socket:
    """A netlink socket that becomes readable when an address, a route or a link changes."""
    watcher = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_NONBLOCK, socket.NETLINK_ROUTE)
    watcher.bind((0, GROUPS))
    return watcher


async def changed(watcher: socket.socket) -> None:
    """Returns at a change. Its content is not read: a lost message (ENOBUFS) is a change too."""
    loop = asyncio.get_running_loop()
    try:
        await loop.sock_recv(watcher, 65536)
        while watcher.recv(65536):
            pass
    except OSError:
        return


def _ip(*arguments: str) -> list[dict[str, Any]]:
    try:
        done = subprocess.run(["ip", "-json", *arguments], capture_output=True, timeout=TIMEOUT, check=True)  # noqa: S603, S607
        return json.loads(done.stdout or b"[]")
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        raise HostError(f"cannot ask `ip` (iproute2) about this host: {error}") from error


def _single(address: str) -> Network:
    return ip_network(address.split("%", maxsplit=1)[0])


def _texts(node: Any) -> Iterator[str]:
    match node:
        case str():
            yield node
        case dict():
            for child in cast(dict[Any, Any], node).values():
                yield from _texts(child)
        case list():
            for child in cast(list[Any], node):
                yield from _texts(child)
        case _:
            return
