"""Which address an alert accuses: the far end of a connection, by the fields that may hold it."""

import json
from collections.abc import Iterator
from typing import Annotated, Any, Literal, cast

from pydantic import Field, field_validator

from bpf.client import MalformedError, Networks, Target
from sidekick.sdk import CommaList, Event, OutputSettings, WordList


class SourceSettings(OutputSettings):
    """Keys that say where the address is and how much of it counts."""

    fields: CommaList = ("fd.cip", "fd.sip", "fd.rip", "fd.name")
    """Fields that may hold the source, tried in this order."""
    direction: Literal["inbound", "outbound", "any"] = "inbound"
    """`inbound` blocks who connected to this host, `outbound` whom it connected to (its answers are what is lost)."""
    protocols: WordList = ("tcp",)
    """Values of `fd.l4proto` that count, `any` for all; the source of a UDP or ICMP packet is easily forged."""
    proxies: CommaList = ()
    """Networks of trusted proxies: in a list of addresses, the last one outside of them is the source."""
    scope: Literal["address", "port"] = "address"
    """`port` blocks only the port of this host that the alert names."""
    ipv6prefix: Annotated[int, Field(ge=48, le=128)] = 64
    """Length of the network blocked for an IPv6 source, which owns a /64 at least; 128 for the address alone."""

    @field_validator("proxies")
    @classmethod
    def _are_networks(cls, proxies: tuple[str, ...]) -> tuple[str, ...]:
        for proxy in proxies:
            Target.parse(proxy)
        return proxies


class Sources:
    """Finds the sources that an alert names."""

    def __init__(self, settings: SourceSettings) -> None:
        self._settings = settings
        self._proxies = Networks({Target.parse(proxy).network: "" for proxy in settings.proxies})

    def named(self, event: Event) -> Iterator[Target]:
        """What to block for each field that holds a source, in the order of the fields; nothing if it may be forged."""
        if self._believable(event):
            found = (self._source(event, name) for name in self._settings.fields)
            yield from (source for source in found if source is not None)

    def _believable(self, event: Event) -> bool:
        """Whether the protocol makes forging the source hard; an alert of another kind (an audit log) came by TCP."""
        protocols = self._settings.protocols
        if "any" in protocols or not any(name.startswith("fd.") for name in event.fields):
            return True
        return event.fields.get("fd.l4proto") in protocols

    def _source(self, event: Event, name: str) -> Target | None:
        """What to block for this field, if it holds the far end of a connection in the wanted direction."""
        if not self._directed(event, name):
            return None
        found = [target for text in self._texts(event, name) if (target := _parsed(text))]
        outside = [target for target in found if not self._proxies.holding(target.network)]
        if not outside:
            return None
        if self._settings.scope == "port":
            port = _port(event)
            return outside[-1]._replace(port=port) if port else None
        source = outside[-1]
        return source if source.version == 4 else Target.parse(f"{source}/{self._settings.ipv6prefix}")

    def _directed(self, event: Event, name: str) -> bool:
        direction = self._settings.direction
        if direction == "any" or not name.startswith("fd."):
            return True
        serving = event.fields.get("fd.is_server")
        if isinstance(serving, bool) and serving != (direction == "inbound"):
            return False
        # `fd.rip` may be either end, and is sometimes our own.
        return name in {"inbound": ("fd.cip", "fd.name"), "outbound": ("fd.sip", "fd.name")}[direction] or (
            name == "fd.rip" and isinstance(serving, bool)
        )

    def _texts(self, event: Event, name: str) -> Iterator[str]:
        value = event.fields.get(name)
        if name == "fd.name" and isinstance(value, str):
            client, arrow, server = value.partition("->")
            # `client:port->server:port`, IPv6 without brackets: the last colon begins the port.
            end = client if self._settings.direction == "inbound" else server
            yield end.rpartition(":")[0] if arrow else ""
            return
        yield from _texts(value)


def _texts(value: Any) -> Iterator[str]:
    """The texts of a field: one, several with commas, a list, or (json.value) a list in JSON."""
    if isinstance(value, str) and value.startswith("["):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return
    if isinstance(value, str):
        yield from value.split(",")
    elif isinstance(value, list):
        yield from (text for text in cast(list[Any], value) if isinstance(text, str))


def _parsed(text: str) -> Target | None:
    """The address that a text is; names, `private`, `<NA>` and networks are none."""
    try:
        target = Target.parse(text)
    except MalformedError:
        return None
    return target._replace(port=0) if target.single else None


def _port(event: Event) -> int:
    """This host's port, or 0 when the alert names none."""
    port = event.fields.get("fd.sport") or event.fields.get("fd.lport")
    return port if isinstance(port, int) and 0 < port < 65536 else 0
