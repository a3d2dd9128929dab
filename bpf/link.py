"""Attaching by a plain XDP link: it belongs to whoever holds its descriptor or its pin, and no one else replaces it."""

import ctypes
import errno
import os
import socket
from pathlib import Path

from bpf import libbpf
from bpf.hook import TakenError, UnavailableError

MODES = {"link": libbpf.DRIVER_MODE, "generic": libbpf.SKB_MODE}
_MODE_NAMES = {1: "link", 2: "generic"}  # XDP_ATTACHED_DRV, XDP_ATTACHED_SKB


class Link:
    """Held by its descriptor until `keep`: should this process die before, the kernel detaches at once."""

    def __init__(self, interface: str, mode: str, fd: int, pin: Path) -> None:
        self.interface = interface
        self.mode = mode
        self._fd = fd
        self._pin = pin

    @classmethod
    def attach(cls, interface: str, mode: str, program_fd: int, links: Path) -> "Link":
        """Raises `TakenError` when another program has the hook, `UnavailableError` when the mode does not work."""
        options = libbpf.sized(libbpf.LinkOptions, flags=MODES[mode])
        index = socket.if_nametoindex(interface)
        fd = libbpf.library().bpf_link_create(program_fd, index, libbpf.XDP, ctypes.byref(options))
        if fd in (-errno.EBUSY, -errno.EEXIST):
            raise TakenError(f"another XDP program has the hook of {interface}")
        if fd < 0:
            raise UnavailableError(f"{interface}: {os.strerror(-fd)}")
        return cls(interface, mode, fd, pin_path(links, interface))

    def keep(self) -> None:
        libbpf.check(libbpf.library().bpf_obj_pin(self._fd, os.fsencode(self._pin)), f"pin {self._pin}")
        os.close(self._fd)

    def drop(self) -> None:
        if self._pin.exists():
            detach(self._pin)
        else:
            os.close(self._fd)


def pin_path(links: Path, interface: str) -> Path:
    # bpffs refuses a dot in a name, and a VLAN's has one; no interface name holds a slash or this.
    return links / interface.replace(".", "~")


def pinned(links: Path) -> dict[str, Path]:
    """The pins of every link, by interface."""
    if not links.is_dir():
        return {}
    return {path.name.replace("~", "."): path for path in links.iterdir()}


def detach(pin: Path) -> None:
    """Filters no more when this returns; removing the pin alone takes effect a moment later."""
    fd = _open(pin)
    try:
        libbpf.check(libbpf.library().bpf_link_detach(fd), f"detach {pin.name}")
    finally:
        os.close(fd)
        pin.unlink()


def replace(pin: Path, program_fd: int) -> bool:
    """Swaps the program without a gap. False: the interface is gone, the link defunct and its pin removed."""
    library = libbpf.library()
    fd = _open(pin)
    try:
        result = library.bpf_link_update(fd, program_fd, None)
    finally:
        os.close(fd)
    if result == -errno.ENOLINK:
        pin.unlink()
        return False
    libbpf.check(result, f"replace the program of {pin.name}")
    return True


def interface_index(pin: Path) -> int:
    """0 when the interface is gone."""
    info = libbpf.LinkInfo()
    length = ctypes.c_uint32(ctypes.sizeof(info))
    fd = _open(pin)
    try:
        libbpf.check(libbpf.library().bpf_obj_get_info_by_fd(fd, ctypes.byref(info), ctypes.byref(length)), "link info")
    finally:
        os.close(fd)
    return info.ifindex


def attached_mode(interface: str) -> str | None:
    """How the program on this interface runs, whoever's it is: `link` (native), `generic`, or None for no program."""
    options = libbpf.sized(libbpf.QueryOptions)
    index = socket.if_nametoindex(interface)
    libbpf.check(libbpf.library().bpf_xdp_query(index, 0, ctypes.byref(options)), f"query {interface}")
    return _MODE_NAMES.get(options.mode)


def _open(pin: Path) -> int:
    options = libbpf.sized(libbpf.GetOptions)
    return libbpf.check(libbpf.library().bpf_obj_get_opts(os.fsencode(pin), ctypes.byref(options)), f"open {pin}")
