"""An alert inside an answer, to the byte as it is kept."""

from typing import Any

import msgspec
from fastapi import Response

from sidekick.api.model import Model
from sidekick.event import Priority


class Alert(Model):
    """What Falco sent, and its id; empty `tags` and `hostname` are left out."""

    uuid: str
    output: str
    priority: Priority
    rule: str
    time: str
    output_fields: dict[str, Any]
    source: str
    tags: tuple[str, ...] = ()
    hostname: str = ""


def raw(answer: object) -> Response:
    """An answer with alerts in it, whose numbers stay as Falco wrote them."""
    return Response(msgspec.json.encode(answer), media_type="application/json")
