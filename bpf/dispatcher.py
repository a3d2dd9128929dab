"""Attaching through libxdp's dispatcher, which lets several XDP programs share one hook.

libxdp falls back to a plain, exclusive attachment without an error (where the kernel refuses program extensions, where
no bpffs is mounted, for an object loaded before), so what it did is always looked at afterwards.
"""

import ctypes
import os
import socket
from collections.abc import Generator
from contextlib import contextmanager
from ctypes import POINTER, c_bool, c_char_p, c_int, c_size_t, c_uint, c_uint32, c_void_p
from functools import cache
from pathlib import Path
from typing import Any

from bpf import libbpf
from bpf.hook import TakenError, UnavailableError
from bpf.program import Program
from bpf.schema import PROGRAM

PRIORITY = 10  # low runs first: a drop saves the others the work
NATIVE, GENERIC = 1, 2  # enum xdp_attach_mode


class ProgramOptions(ctypes.Structure):
    _fields_ = (
        ("size", c_size_t),
        ("object", c_void_p),
        ("open_options", c_void_p),
        ("name", c_char_p),
        ("find_filename", c_char_p),
        ("open_filename", c_char_p),
        ("pin_path", c_char_p),
        ("id", c_uint32),
        ("fd", c_int),
    )


_SIGNATURES: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "libxdp_set_print": (c_void_p, (c_void_p,)),
    "libxdp_get_error": (ctypes.c_long, (c_void_p,)),
    "xdp_program__create": (c_void_p, (POINTER(ProgramOptions),)),
    "xdp_program__set_run_prio": (c_int, (c_void_p, c_uint)),
    "xdp_program__set_xdp_frags_support": (c_int, (c_void_p, c_bool)),
    "xdp_program__attach": (c_int, (c_void_p, c_int, c_int, c_uint)),
    "xdp_program__detach": (c_int, (c_void_p, c_int, c_int, c_uint)),
    "xdp_program__name": (c_char_p, (c_void_p,)),
    "xdp_program__id": (c_uint32, (c_void_p,)),
    "xdp_program__close": (None, (c_void_p,)),
    "xdp_multiprog__get_from_ifindex": (c_void_p, (c_int,)),
    "xdp_multiprog__next_prog": (c_void_p, (c_void_p, c_void_p)),
    "xdp_multiprog__attach_mode": (c_int, (c_void_p,)),
    "xdp_multiprog__is_legacy": (c_bool, (c_void_p,)),
    "xdp_multiprog__close": (None, (c_void_p,)),
}


@cache
def library() -> ctypes.CDLL:
    lib = ctypes.CDLL("libxdp.so.1")
    for name, (answer, arguments) in _SIGNATURES.items():
        function = getattr(lib, name)
        function.restype, function.argtypes = answer, arguments
    lib.libxdp_set_print(None)
    return lib


@cache
def missing() -> str:
    """What this host lacks to run a dispatcher; empty when nothing."""
    try:
        library()
    except (OSError, AttributeError):
        return "libxdp.so.1 (1.3 or newer) is not installed"
    if libbpf.library().libbpf_probe_bpf_prog_type(libbpf.PROGRAM_EXTENSION, None) != 1:
        return "the kernel refuses program extensions"
    return ""


class Dispatched:
    """Our program in an interface's dispatcher. libxdp pins what it attaches, so there is nothing left to keep."""

    mode = "dispatcher"

    def __init__(self, interface: str) -> None:
        self.interface = interface

    @classmethod
    def attach(cls, interface: str, maps: Path) -> "Dispatched":
        """Tries the driver first, then generic. Raises `TakenError` or `UnavailableError`."""
        if missing():
            raise UnavailableError(missing())
        program = Program(maps)
        try:
            program.adopt(maps)
            _attach(program, interface)
        finally:
            program.close()
        return cls(interface)

    def keep(self) -> None:
        """Done by libxdp."""

    def drop(self) -> None:
        detach(self.interface)


def ours(interface: str) -> list[int]:
    """The ids of our program in this interface's dispatcher; empty too where there is none or no libxdp."""
    if missing():
        return []
    lib = library()
    with _chain(interface) as (chain, members):
        if not chain or lib.xdp_multiprog__is_legacy(chain):
            return []
        return [lib.xdp_program__id(member) for member in members if _is_ours(member)]


def detach(interface: str, only: frozenset[int] | None = None) -> bool:
    """Takes our program (or only those ids) out of the chain; the others stay. Whether there was one."""
    ids = frozenset(ours(interface)) if only is None else only
    if not ids:
        return False
    lib = library()
    index = socket.if_nametoindex(interface)
    for wanted in ids:
        # Each detachment makes a new dispatcher, so the chain is walked again.
        with _chain(interface) as (chain, members):
            mode = lib.xdp_multiprog__attach_mode(chain)
            for member in members:
                if lib.xdp_program__id(member) == wanted:
                    libbpf.check(lib.xdp_program__detach(member, index, mode, 0), f"detach from {interface}")
                    break
    return True


def replace(interface: str, maps: Path) -> None:
    """Attaches the new program before the old one goes: at no moment is neither there."""
    old = frozenset(ours(interface))
    Dispatched.attach(interface, maps)
    detach(interface, old)


def _attach(program: Program, interface: str) -> None:
    lib = library()
    options = libbpf.sized(ProgramOptions, object=program.object, name=PROGRAM.encode())
    handle = lib.xdp_program__create(ctypes.byref(options))
    code = lib.libxdp_get_error(handle)
    if code:
        raise UnavailableError(f"libxdp: {os.strerror(abs(code))}")
    try:
        lib.xdp_program__set_run_prio(handle, PRIORITY)
        # libxdp 1.3 does not read it off the section's name.
        lib.xdp_program__set_xdp_frags_support(handle, True)
        _attach_somehow(handle, interface)
    finally:
        lib.xdp_program__close(handle)


def _attach_somehow(handle: int, interface: str) -> None:
    lib = library()
    index = socket.if_nametoindex(interface)
    for mode in (NATIVE, GENERIC):
        result = lib.xdp_program__attach(handle, index, mode, 0)
        if result == 0:
            break
    if result in (-16, -17):
        raise TakenError(f"another XDP program, without dispatcher, has the hook of {interface}")
    if result:
        raise UnavailableError(f"{interface}: {os.strerror(-result)}")
    if not ours(interface):
        lib.xdp_program__detach(handle, index, mode, 0)
        raise UnavailableError("libxdp attached without a dispatcher (undone)")


def _is_ours(member: int) -> bool:
    return library().xdp_program__name(member) == PROGRAM.encode()


@contextmanager
def _chain(interface: str) -> Generator[tuple[int | None, list[int]]]:
    lib = library()
    chain = lib.xdp_multiprog__get_from_ifindex(socket.if_nametoindex(interface))
    if not chain or lib.libxdp_get_error(chain):
        # Nothing attached is an error pointer, which no other function may be given.
        yield None, []
        return
    try:
        members: list[int] = []
        member = lib.xdp_multiprog__next_prog(None, chain)
        while member:
            members.append(member)
            member = lib.xdp_multiprog__next_prog(member, chain)
        yield chain, members
    finally:
        lib.xdp_multiprog__close(chain)
