"""Listening sockets: bound here, or handed over by systemd so that they outlive the process.

Socket activation and readiness follow sd_listen_fds(3) and sd_notify(3).
"""

import logging
import os
import resource
import socket
from collections import defaultdict
from collections.abc import Mapping

logger = logging.getLogger(__name__)
_FIRST_FD = 3
_PATIENCE = 1.0  # seconds, for alerts wait meanwhile
BACKLOG = 4096
_OTHER_FILES = 256


class ListenError(Exception):
    """An address that cannot be listened on; one line for the user."""


def listen(address: str, port: int) -> socket.socket:
    """A bound socket; an empty address means every address, IPv4 and IPv6 where the host has both."""
    family = socket.AF_INET if "." in address or not (address or socket.has_dualstack_ipv6()) else socket.AF_INET6
    try:
        return socket.create_server(
            (address, port), family=family, backlog=BACKLOG, dualstack_ipv6=not address and family == socket.AF_INET6
        )
    except OSError as error:
        shown = f"[{address}]" if ":" in address else address or "*"
        raise ListenError(f"cannot listen on {shown}:{port}: {os.strerror(error.errno or 0)}") from None


def activated(environment: Mapping[str, str] = os.environ) -> dict[str, list[socket.socket]]:
    """The sockets that systemd holds for this process, by their `FileDescriptorName`; none without activation."""
    if environment.get("LISTEN_PID") != str(os.getpid()):
        return {}
    count = int(environment.get("LISTEN_FDS", "0"))
    names = environment.get("LISTEN_FDNAMES", "").split(":")
    sockets: defaultdict[str, list[socket.socket]] = defaultdict(list)
    for index in range(count):
        os.set_inheritable(_FIRST_FD + index, False)
        name = names[index] if index < len(names) else ""
        sockets[name].append(socket.socket(fileno=_FIRST_FD + index))
    return dict(sockets)


def notify(state: str) -> None:
    """Tells the service manager, if there is one, such as `READY=1`. Who does not listen stops nothing."""
    path = os.environ.get("NOTIFY_SOCKET", "")
    if not path:
        return
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
            channel.settimeout(_PATIENCE)
            channel.connect("\0" + path[1:] if path.startswith("@") else path)
            channel.sendall(state.encode())
    except OSError as error:
        logger.warning("the service manager at %s cannot be told %s: %s", path, state.partition("\n")[0], error)


def allow_connections(wanted: int) -> int:
    """Raises the limit of open files as far as `wanted` connections need; how many the limit then lets in."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = wanted + _OTHER_FILES
    if soft != resource.RLIM_INFINITY and soft < needed:
        soft = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return wanted if soft == resource.RLIM_INFINITY else max(1, min(wanted, soft - _OTHER_FILES))
