"""What real Falcos sent: requests byte for byte, and alerts one a line."""

import re
from pathlib import Path

from sidekick.event import DecodeError, decode

_DATA = Path(__file__).parent / "data"


def recorded_requests() -> list[bytes]:
    """Whole HTTP requests of a real http_output; the recorder's own lines begin with #."""
    requests: list[bytes] = []
    for part in re.split(rb"(?m)^#.*\n", (_DATA / "http_output-raw.txt").read_bytes()):
        head, _, rest = part.partition(b"\r\n\r\n")
        if length := re.search(rb"Content-Length: (\d+)", head):
            requests.append(head + b"\r\n\r\n" + rest[: int(length[1])])
    return requests


def recorded_alerts() -> list[bytes]:
    """Bodies of alerts of every source that is at hand, those left out that are none by design."""
    lines = [
        line for file in sorted((_DATA / "falco-alerts").glob("*.jsonl")) for line in file.read_bytes().splitlines()
    ]
    return [line for line in lines if _is_alert(line)]


def _is_alert(line: bytes) -> bool:
    try:
        decode(line)
    except DecodeError:
        return False
    return True
