"""The twenty calls of libbpf that the blocker makes, through ctypes.

Every structure that libbpf takes begins with its own size, so that a newer library accepts ours. libbpf 1.0 and later
answers a negative errno; here that becomes an `OSError` naming what was tried.
"""

import ctypes
import os
from ctypes import POINTER, c_char_p, c_int, c_size_t, c_uint32, c_uint64, c_void_p
from functools import cache
from typing import Any, TypeVar

READ_ONLY = 8  # BPF_F_RDONLY
XDP = 37  # attach type BPF_XDP
SKB_MODE, DRIVER_MODE = 1 << 1, 1 << 2  # XDP_FLAGS_*
PROGRAM_EXTENSION = 28  # BPF_PROG_TYPE_EXT


class OpenOptions(ctypes.Structure):
    _fields_ = (
        ("size", c_size_t),
        ("object_name", c_char_p),
        ("relaxed_maps", ctypes.c_bool),
        ("pin_root_path", c_char_p),
    )


class LinkOptions(ctypes.Structure):
    _fields_ = (("size", c_size_t), ("flags", c_uint32))


class GetOptions(ctypes.Structure):
    _fields_ = (("size", c_size_t), ("file_flags", c_uint32))


class QueryOptions(ctypes.Structure):
    _fields_ = (
        ("size", c_size_t),
        ("prog_id", c_uint32),
        ("driver_id", c_uint32),
        ("hardware_id", c_uint32),
        ("skb_id", c_uint32),
        ("mode", ctypes.c_uint8),
    )


class RunOptions(ctypes.Structure):
    _fields_ = (
        ("size", c_size_t),
        ("data_in", c_void_p),
        ("data_out", c_void_p),
        ("data_size_in", c_uint32),
        ("data_size_out", c_uint32),
        ("ctx_in", c_void_p),
        ("ctx_out", c_void_p),
        ("ctx_size_in", c_uint32),
        ("ctx_size_out", c_uint32),
        ("retval", c_uint32),
        ("repeat", c_int),
        ("duration", c_uint32),
        ("flags", c_uint32),
        ("cpu", c_uint32),
        ("batch_size", c_uint32),
    )


class LinkInfo(ctypes.Structure):
    """`struct bpf_link_info` as far as an XDP link fills it."""

    _fields_ = (
        ("type", c_uint32),
        ("id", c_uint32),
        ("prog_id", c_uint32),
        ("pad", c_uint32),
        ("ifindex", c_uint32),
        ("rest", ctypes.c_char * 60),
    )


class ProgramInfo(ctypes.Structure):
    """`struct bpf_prog_info` up to the name."""

    _fields_ = (
        ("type", c_uint32),
        ("id", c_uint32),
        ("tag", ctypes.c_uint8 * 8),
        ("jited_len", c_uint32),
        ("xlated_len", c_uint32),
        ("jited", c_uint64),
        ("xlated", c_uint64),
        ("load_time", c_uint64),
        ("created_by_uid", c_uint32),
        ("map_count", c_uint32),
        ("map_ids", c_uint64),
        ("name", ctypes.c_char * 16),
    )


class MapInfo(ctypes.Structure):
    """`struct bpf_map_info` up to the name."""

    _fields_ = (
        ("type", c_uint32),
        ("id", c_uint32),
        ("key_size", c_uint32),
        ("value_size", c_uint32),
        ("max_entries", c_uint32),
        ("flags", c_uint32),
        ("name", ctypes.c_char * 16),
    )


Struct = TypeVar("Struct", bound=ctypes.Structure)
PRINT = ctypes.CFUNCTYPE(c_int, c_int, c_char_p, c_void_p)

# function: (what it answers, what it takes)
_SIGNATURES: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "libbpf_set_print": (c_void_p, (PRINT,)),
    "libbpf_probe_bpf_prog_type": (c_int, (c_int, c_void_p)),
    "bpf_object__open_file": (c_void_p, (c_char_p, POINTER(OpenOptions))),
    "bpf_object__load": (c_int, (c_void_p,)),
    "bpf_object__close": (None, (c_void_p,)),
    "bpf_object__find_program_by_name": (c_void_p, (c_void_p, c_char_p)),
    "bpf_object__find_map_by_name": (c_void_p, (c_void_p, c_char_p)),
    "bpf_map__set_max_entries": (c_int, (c_void_p, c_uint32)),
    "bpf_map__fd": (c_int, (c_void_p,)),
    "bpf_program__fd": (c_int, (c_void_p,)),
    "bpf_link_create": (c_int, (c_int, c_int, c_int, POINTER(LinkOptions))),
    "bpf_link_detach": (c_int, (c_int,)),
    "bpf_link_update": (c_int, (c_int, c_int, c_void_p)),
    "bpf_obj_pin": (c_int, (c_int, c_char_p)),
    "bpf_obj_get_opts": (c_int, (c_char_p, POINTER(GetOptions))),
    "bpf_obj_get_info_by_fd": (c_int, (c_int, c_void_p, POINTER(c_uint32))),
    "bpf_xdp_query": (c_int, (c_int, c_int, POINTER(QueryOptions))),
    "bpf_prog_test_run_opts": (c_int, (c_int, POINTER(RunOptions))),
    "bpf_map_update_elem": (c_int, (c_int, c_char_p, c_char_p, c_uint64)),
    "bpf_map_lookup_elem": (c_int, (c_int, c_char_p, c_char_p)),
    "bpf_map_delete_elem": (c_int, (c_int, c_char_p)),
    "bpf_map_update_batch": (c_int, (c_int, c_char_p, c_char_p, POINTER(c_uint32), c_void_p)),
    "bpf_map_lookup_batch": (c_int, (c_int, c_char_p, c_char_p, c_char_p, c_char_p, POINTER(c_uint32), c_void_p)),
    "bpf_map_get_next_key": (c_int, (c_int, c_char_p, c_char_p)),
}

_messages: list[str] = []
_vsnprintf = ctypes.CDLL(None).vsnprintf
_vsnprintf.argtypes = (c_char_p, c_size_t, c_char_p, c_void_p)


def _collect(level: int, form: bytes, arguments: int) -> int:
    # Level 2 is debug. The text is kept for `explain`: an error code alone never says which instruction was refused.
    if level < 2:
        text = ctypes.create_string_buffer(1 << 18)
        _vsnprintf(text, len(text), form, arguments)
        # The verifier's reason is the end of its log.
        _messages.append(text.value.decode(errors="replace").strip()[-600:])
        del _messages[:-20]
    return 0


# ctypes keeps no reference of its own to a callback that C holds.
_collector = PRINT(_collect)


@cache
def library() -> ctypes.CDLL:
    """libbpf.so.1 with every signature set. Raises `OSError` when it is not installed."""
    lib = ctypes.CDLL("libbpf.so.1", use_errno=True)
    for name, (answer, arguments) in _SIGNATURES.items():
        function = getattr(lib, name)
        function.restype, function.argtypes = answer, arguments
    lib.libbpf_set_print(_collector)
    return lib


def explain() -> str:
    """The last words of libbpf (and through it the verifier), and forgets them."""
    text = "; ".join(message.removeprefix("libbpf: ") for message in _messages[-5:])
    _messages.clear()
    return text


def check(result: int, what: str) -> int:
    """`result`, unless it is a negative errno: then an `OSError` that names `what`."""
    if result < 0:
        raise OSError(-result, os.strerror(-result), what)
    return result


def sized(kind: type[Struct], **fields: Any) -> Struct:
    """A structure whose leading `size` is filled in."""
    return kind(size=ctypes.sizeof(kind), **fields)
