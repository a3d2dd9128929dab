"""How a process of the store stands back for all others of the host, the service's own loop first."""

import ctypes
import os
import platform
import struct

_NICE = 5
_SLICE = 100_000_000
"""Nanoseconds, the most that Linux takes."""
_SCHED_SETATTR = {"x86_64": 314, "aarch64": 274}
"""The number of the system call, which Python's library does not have."""


def lower() -> None:
    """Of this process: a smaller share of a core that others want too, and they have it as soon as they wake up.

    From Linux 6.12 on a process may ask for a slice of time, and whoever wakes up with a shorter one runs at once
    (PREEMPT_SHORT in the kernel's kernel/sched/features.h). An older kernel ignores the wish, and where it is forbidden
    the smaller share is all.
    """
    nice = os.nice(_NICE)
    call = _SCHED_SETATTR.get(platform.machine())
    if call is None:
        return
    # struct sched_attr: its size, policy, flags, nice, priority, slice, and two times of the real-time policies.
    attributes = struct.pack("=IIQiIQQQ", 48, os.SCHED_OTHER, 0, nice, 0, _SLICE, 0, 0)
    ctypes.CDLL(None).syscall(call, 0, attributes, 0)
