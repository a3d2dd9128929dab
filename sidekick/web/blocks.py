"""The Blocks page: the sources whose packets this host drops."""

from contextlib import suppress
from ipaddress import ip_address

from fastapi import APIRouter, Request
from fastapi.responses import Response

from sidekick.control.ports import Block, Blocks, RefusedError
from sidekick.event import Event
from sidekick.web.frame import Form, Frame, Said, asked, text

_OWN = ("fd.lip", "fd.sip")
"""Fields of an alert that name this host, as a rule; the daemon would refuse to block it anyway."""
_MOST_SOURCES = 5
LIVES = {"10 minutes": 600, "1 hour": 3600, "1 day": 86_400, "7 days": 604_800}
"""How long a block may last, in seconds."""


def sources(event: Event) -> list[str]:
    """Addresses in an event that can be told to be elsewhere: whom somebody may want to block. In the fields' order."""
    found: dict[str, None] = {}
    for name, value in sorted(event.fields.items()):
        if name.startswith(_OWN) or not isinstance(value, str):
            continue
        for part in value.split(","):
            with suppress(ValueError):
                address = ip_address(part.strip())
                if address.is_global:
                    found[str(address)] = None
    return list(found)[:_MOST_SOURCES]


def router(blocks: Blocks | None, frame: Frame) -> APIRouter:
    routes = APIRouter(include_in_schema=False)

    async def shown(request: Request, said: Said | None = None) -> Response:
        rows, problem = await _list(blocks)
        query, form = request.query_params, asked(said, "block")
        return frame.page(
            request,
            "blocks.html",
            said=said,
            configured=blocks is not None,
            blocks=rows,
            problem=problem,
            lives=LIVES,
            life=text(form, "life") or "1 hour",
            target=text(form, "target") or query.get("target", ""),
            reason=text(form, "reason"),
            alert=text(form, "alert") or query.get("alert", ""),
        )

    @routes.get("/blocks")
    async def list_blocks(request: Request) -> Response:
        return await shown(request)

    @routes.post("/blocks")
    async def act(request: Request) -> Response:
        return await shown(request, await frame.act(request, lambda form, by: _act(blocks, form, by)))

    return routes


async def _list(blocks: Blocks | None) -> tuple[list[Block], str]:
    if blocks is None:
        return [], ""
    try:
        return list(await blocks.list()), ""
    except RefusedError as error:
        return [], str(error)


async def _act(blocks: Blocks | None, form: Form, by: str) -> str:
    target = text(form, "target")
    if blocks is None or not target:
        raise RefusedError("Name an address." if blocks else "No source blocker is configured.")
    match text(form, "do"):
        case "block":
            seconds = LIVES.get(text(form, "life"), LIVES["1 hour"])
            return await blocks.block(target, seconds, text(form, "reason"), text(form, "alert"), by)
        case "unblock":
            return await blocks.unblock(target, by)
        case _:
            raise RefusedError("Nothing was asked for.")
