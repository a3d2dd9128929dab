"""The back end for a host whose XDP hook is missing or taken: sets of one nftables table, through libnftables.

libnftables works in this process (0.14 ms an address where starting `nft` takes 3 to 10) and wants CAP_NET_ADMIN. The
chain stands before connection tracking, sees every interface but loopback, and accepts what it does not drop, so the
host's own rules still decide.
"""

import ctypes
import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from ctypes import c_char_p, c_int, c_uint, c_void_p
from functools import cache
from typing import Any

from bpf import schema
from bpf.backend import FullError, NotAttachedError, OverlapError
from bpf.schema import Entry
from bpf.target import Network, Target

TABLE = "sidekick_xdp"
JSON_OUTPUT, TERSE_OUTPUT = 1 << 4, 1 << 11  # NFT_CTX_OUTPUT_*; terse leaves the elements out
SIZES = dict.fromkeys(schema.BLOCK_MAPS, 16384) | {"blocked4": 65536, "blocked6": 65536}
_SECOND = 10**9
_OVERLAP = ("interval overlaps", "conflicting intervals")
_FULL = ("Too many open files in system", "No space left on device")

_SIGNATURES: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "nft_ctx_new": (c_void_p, (ctypes.c_uint32,)),
    "nft_ctx_free": (None, (c_void_p,)),
    "nft_ctx_buffer_output": (c_int, (c_void_p,)),
    "nft_ctx_buffer_error": (c_int, (c_void_p,)),
    "nft_ctx_get_output_buffer": (c_char_p, (c_void_p,)),
    "nft_ctx_get_error_buffer": (c_char_p, (c_void_p,)),
    "nft_ctx_output_set_flags": (None, (c_void_p, c_uint)),
    "nft_run_cmd_from_buffer": (c_int, (c_void_p, c_char_p)),
}


@cache
def library() -> ctypes.CDLL:
    """libnftables.so.1. Raises `OSError` when it is not installed."""
    lib = ctypes.CDLL("libnftables.so.1")
    for name, (answer, arguments) in _SIGNATURES.items():
        function = getattr(lib, name)
        function.restype, function.argtypes = answer, arguments
    return lib


def _sets(sizes: Mapping[str, int]) -> Iterator[str]:
    for version, address in ((4, "ipv4_addr"), (6, "ipv6_addr")):
        kinds = {
            f"blocked{version}": f"type {address}; flags timeout;",
            f"endpoints{version}": f"type {address} . inet_service; flags timeout;",
            f"networks{version}": f"type {address}; flags interval,timeout;",
        }
        for name, kind in kinds.items():
            yield f"set {name} {{ {kind} counter; size {sizes[name]}; }}"
        yield f"set allowed{version} {{ type {address}; flags interval; }}"


def _chain() -> Iterator[str]:
    yield "type filter hook prerouting priority -500; policy accept;"
    yield 'iifname "lo" accept'
    for version, family in ((4, "ip"), (6, "ip6")):
        yield f"{family} saddr @allowed{version} accept"
        yield f"{family} saddr @blocked{version} counter name dropped_address drop"
        yield f"{family} saddr . th dport @endpoints{version} counter name dropped_endpoint drop"
        yield f"{family} saddr @networks{version} counter name dropped_network drop"


_COUNTERS = ("dropped_address", "dropped_endpoint", "dropped_network")


def definition(sizes: Mapping[str, int]) -> str:
    """The whole table as nft reads it; `sizes` are the most entries of each set."""
    counters = (f"counter {name} {{ }}" for name in _COUNTERS)
    chain = ("chain ingress {", *_chain(), "}")
    return "\n".join((f"table inet {TABLE} {{", *counters, *_sets(sizes), *chain, "}"))


class Context:
    """One libnftables context. Errors are `OSError` with nft's own words."""

    def __init__(self) -> None:
        self._library = library()
        self._handle = self._library.nft_ctx_new(0)
        self._library.nft_ctx_buffer_output(self._handle)
        self._library.nft_ctx_buffer_error(self._handle)

    def run(self, command: str, *, terse: bool = False) -> list[dict[str, Any]]:
        flags = JSON_OUTPUT | (TERSE_OUTPUT if terse else 0)
        self._library.nft_ctx_output_set_flags(self._handle, flags)
        failed = self._library.nft_run_cmd_from_buffer(self._handle, command.encode())
        output = self._library.nft_ctx_get_output_buffer(self._handle)
        if failed:
            words = self._library.nft_ctx_get_error_buffer(self._handle).decode(errors="replace").strip().split("\n")
            overlap = any(sign in words[0] for sign in _OVERLAP)
            raise (OverlapError if overlap else OSError)(f"nftables: {words[0]}")
        return json.loads(output)["nftables"] if output else []

    def close(self) -> None:
        if self._handle:
            self._library.nft_ctx_free(self._handle)
            self._handle = None


def create(sizes: Mapping[str, int] | None = None) -> None:
    """Makes the table; one that is there keeps its entries and its sizes."""
    context = Context()
    try:
        if not _exists(context):
            context.run(definition(SIZES | dict(sizes or {})))
    finally:
        context.close()


def remove() -> bool:
    """Deletes the table with all that is in it; whether there was one."""
    context = Context()
    try:
        if not _exists(context):
            return False
        context.run(f"delete table inet {TABLE}")
        return True
    finally:
        context.close()


def exists() -> bool:
    """Whether the table is there; False too where nftables cannot be asked."""
    try:
        context = Context()
    except OSError:
        return False
    try:
        return _exists(context)
    except OSError:
        return False
    finally:
        context.close()


def _exists(context: Context) -> bool:
    tables = (item.get("table", {}) for item in context.run("list tables inet"))
    return any(table.get("name") == TABLE for table in tables)


class Nftables:
    name = "nftables"

    def __init__(self) -> None:
        self._context = Context()
        if not _exists(self._context):
            self._context.close()
            raise NotAttachedError(f"no table inet {TABLE}: nothing is attached")
        table = self._context.run(f"list table inet {TABLE}", terse=True)
        sets = [item["set"] for item in table if "set" in item]
        self._capacity = {each["name"]: int(each["size"]) for each in sets if "size" in each}

    def block(self, expiries: Mapping[Target, int]) -> None:
        now = schema.boot_now()
        elements: defaultdict[str, list[str]] = defaultdict(list)
        for target, expires in expiries.items():
            seconds = max(1, round((expires - now) / _SECOND)) if expires else 0
            elements[schema.map_name(target)].append(_element(target) + (f" timeout {seconds}s" if seconds else ""))
        commands: list[str] = []
        for name, added in elements.items():
            both = f"element inet {TABLE} {name} {{ {', '.join(added)} }}"
            # An element's timeout cannot be changed in place. One transaction runs all three: it is never missing.
            commands += [f"add {both}", f"delete {both}", f"add {both}"]
        try:
            self._context.run("\n".join(commands))
        except OSError as error:
            if any(words in str(error) for words in _FULL):
                raise FullError(str(error)) from error
            raise

    def unblock(self, targets: Collection[Target]) -> None:
        for target in targets:
            name, element = schema.map_name(target), _element(target)
            # "add" makes "delete" succeed for an element that has timed out meanwhile.
            both = f"element inet {TABLE} {name} {{ {element} }}"
            # A network that another holds is not there: it has timed out, and the other came after it.
            with suppress(OverlapError):
                self._context.run(f"add {both}\ndelete {both}")

    def allow(self, networks: Collection[Network]) -> None:
        commands: list[str] = []
        for version in (4, 6):
            name = f"allowed{version}"
            commands.append(f"flush set inet {TABLE} {name}")
            elements = ", ".join(map(str, collapsed(n for n in networks if n.version == version)))
            if elements:
                commands.append(f"add element inet {TABLE} {name} {{ {elements} }}")
        self._context.run("\n".join(commands))

    def entries(self) -> Iterator[tuple[Target, Entry]]:
        for name in schema.BLOCK_MAPS:
            for item in self._context.run(f"list set inet {TABLE} {name}"):
                for raw in item.get("set", {}).get("elem", ()):
                    yield _parsed(raw)

    def totals(self) -> dict[str, tuple[int, int]]:
        totals: dict[str, tuple[int, int]] = dict.fromkeys(schema.REASONS, (0, 0))
        for item in self._context.run(f"list counters table inet {TABLE}"):
            counter = item.get("counter")
            if counter:
                totals[counter["name"]] = (counter["packets"], counter["bytes"])
        return totals

    def capacity(self) -> dict[str, int]:
        return self._capacity

    def close(self) -> None:
        self._context.close()


def collapsed(networks: Iterable[Network]) -> list[Network]:
    """The same addresses without overlaps, which an interval set refuses. All of one IP version."""
    kept: list[Network] = []
    for network in sorted(networks, key=lambda network: (int(network.network_address), network.prefixlen)):
        if not kept or int(network.broadcast_address) > int(kept[-1].broadcast_address):
            kept.append(network)
    return kept


def _element(target: Target) -> str:
    if target.port:
        return f"{target._replace(port=0)} . {target.port}"
    return str(target)


def _parsed(raw: Any) -> tuple[Target, Entry]:
    element: dict[str, Any] = raw["elem"]
    counter: dict[str, int] = element["counter"]
    expires = schema.boot_now() + int(element["expires"]) * _SECOND if "expires" in element else 0
    return _target(element["val"]), Entry(expires, counter["packets"], counter["bytes"])


def _target(value: Any) -> Target:
    match value:
        case {"concat": [address, port]}:
            return Target.parse(str(address), int(port))
        case {"prefix": {"addr": address, "len": length}}:
            return Target.parse(f"{address}/{length}")
        case _:
            return Target.parse(str(value))
