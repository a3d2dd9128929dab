"""What client and daemon say to each other: one JSON object a line, one answer for each, in order."""

from typing import Any

import msgspec

MANUAL = "manual"
LINE_LIMIT = 16 << 20  # bytes of one line: a bulk request of some 100,000 addresses


class Wanted(msgspec.Struct, omit_defaults=True, forbid_unknown_fields=True):
    """One target to block. `seconds` 0 means the daemon's default; `growth` multiplies the life at each repetition."""

    address: str
    port: int = 0
    seconds: float = 0.0
    growth: float = 1.0
    reason: str = ""
    rule: str = ""
    alert: str = ""


class Block(msgspec.Struct, tag_field="verb", tag="block", omit_defaults=True, forbid_unknown_fields=True):
    """With `dry_run` every check is made and nothing is blocked, counted against the cap or recorded."""

    entries: list[Wanted]
    origin: str = MANUAL
    dry_run: bool = False


class Unblock(msgspec.Struct, tag_field="verb", tag="unblock", forbid_unknown_fields=True):
    addresses: list[str]


class Allow(msgspec.Struct, tag_field="verb", tag="allow", omit_defaults=True, forbid_unknown_fields=True):
    """Networks that are never blocked; with `remove`, no longer."""

    networks: list[str] = []
    remove: bool = False


class List(msgspec.Struct, tag_field="verb", tag="list", omit_defaults=True, forbid_unknown_fields=True):
    """The newest `limit` blocks that are live; 0 means all."""

    limit: int = 0


class Stats(msgspec.Struct, tag_field="verb", tag="stats", forbid_unknown_fields=True):
    pass


class Clear(msgspec.Struct, tag_field="verb", tag="clear", forbid_unknown_fields=True):
    pass


class Decisions(msgspec.Struct, tag_field="verb", tag="decisions", forbid_unknown_fields=True):
    """What became of the latest targets that alerts named, tried ones too, the newest last."""


Request = Block | Unblock | Allow | List | Decisions | Stats | Clear


class Outcome(msgspec.Struct, omit_defaults=True):
    """What became of one target: `until` (seconds since 1970) if it is blocked, else `refused` and why."""

    target: str
    until: float = 0.0
    refused: str = ""
    message: str = ""
    new: bool = False


class Row(msgspec.Struct, omit_defaults=True):
    """One live block, as `list` shows it."""

    target: str
    until: float
    since: float
    origin: str
    reason: str
    rule: str
    alert: str
    count: int
    packets: int
    octets: int


class Decision(msgspec.Struct, omit_defaults=True):
    """`verdict` is `blocked`, `would block`, or why not. Times are seconds since 1970."""

    at: float
    target: str
    verdict: str
    rule: str = ""
    alert: str = ""
    until: float = 0.0
    message: str = ""


class Answer(msgspec.Struct, omit_defaults=True):
    """`error` is empty for success: `malformed`, `forbidden`, `not_attached` or `failed`, with a sentence otherwise."""

    error: str = ""
    message: str = ""
    outcomes: list[Outcome] = []
    rows: list[Row] = []
    decisions: list[Decision] = []
    networks: dict[str, str] = {}
    ended: int = 0
    stats: dict[str, Any] = {}


def encode(message: Request | Answer) -> bytes:
    return msgspec.json.encode(message) + b"\n"


decode_request = msgspec.json.Decoder(Request).decode
decode_answer = msgspec.json.Decoder(Answer).decode
