"""The Dead letters page: what a destination refused for good, to be sent again or dropped, and what was no alert."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from sidekick.control.ports import Letters, Refused, RefusedError
from sidekick.web.frame import Form, Frame, Said, text

SHOWN = 200
BODIES = 50


def router(letters: Letters, refused: Refused, frame: Frame) -> APIRouter:
    routes = APIRouter(include_in_schema=False)

    async def shown(request: Request, said: Said | None = None) -> Response:
        output = request.query_params.get("output", "")
        counts = await letters.counts()
        found = await letters.newest(output, SHOWN)
        total = counts.get(output, 0) if output else sum(counts.values())
        return frame.page(
            request,
            "dead_letters.html",
            said=said,
            letters=[(name, letter, letter.decoded()) for name, letter in found],
            more=max(0, total - SHOWN),
            outputs=list(counts),
            output=output,
            refused=list(refused.entries)[: -BODIES - 1 : -1],
        )

    @routes.get("/dead-letters")
    async def list_letters(request: Request) -> Response:
        return await shown(request)

    @routes.post("/dead-letters")
    async def act(request: Request) -> Response:
        return await shown(request, await frame.act(request, lambda form, by: _act(letters, form, by)))

    return routes


async def _act(letters: Letters, form: Form, by: str) -> str:
    """Each picked letter is `OUTPUT ID`."""
    picked: dict[str, list[str]] = {}
    for entry in form.get("letter", []):
        output, _, id = entry.partition(" ")
        picked.setdefault(output, []).append(id)
    if not picked:
        raise RefusedError("Pick the letters first.")
    verb = {"replay": letters.replay, "drop": letters.drop}.get(text(form, "do"))
    if verb is None:
        raise RefusedError("Nothing was asked for.")
    return " ".join([await verb(output, ids, by) for output, ids in picked.items()])
