"""The Silences page: what nobody is told for a while, and why."""

from datetime import UTC, datetime, timedelta

from fastapi import APIRouter, Request
from fastapi.responses import Response

from sidekick.control.ports import RefusedError, Silencing
from sidekick.filter import FilterError, compile_filter
from sidekick.pipeline import SilenceSettings
from sidekick.web.frame import Form, Frame, Said, asked, text

LIVES = {"1 hour": 1, "4 hours": 4, "1 day": 24, "7 days": 168, "30 days": 720}
"""How long a silence may last, in hours."""


def router(silencing: Silencing, frame: Frame) -> APIRouter:
    routes = APIRouter(include_in_schema=False)

    def shown(request: Request, said: Said | None = None) -> Response:
        form = asked(said)
        return frame.page(
            request,
            "silences.html",
            said=said,
            silences=silencing.active(),
            lives=LIVES,
            life=text(form, "life") or "4 hours",
            condition=text(form, "filter") or request.query_params.get("filter", ""),
            reason=text(form, "reason"),
        )

    @routes.get("/silences")
    async def list_silences(request: Request) -> Response:
        return shown(request)

    @routes.post("/silences")
    async def add(request: Request) -> Response:
        return shown(request, await frame.act(request, lambda form, by: _add(silencing, form, by)))

    @routes.post("/silences/{id}/end")
    async def end(request: Request, id: str) -> Response:
        async def ended(form: Form, by: str) -> str:
            await silencing.remove(id, by)
            return "The silence has ended."

        return shown(request, await frame.act(request, ended))

    return routes


async def _add(silencing: Silencing, form: Form, by: str) -> str:
    condition, life = text(form, "filter"), LIVES.get(text(form, "life"))
    if life is None:
        raise RefusedError("Choose how long it lasts.")
    try:
        compile_filter(condition)
    except FilterError as error:
        raise RefusedError(f"No silence was made: {error.summary}.") from None
    until = datetime.now(UTC) + timedelta(hours=life)
    await silencing.add(SilenceSettings(filter=condition, until=until, author=by, reason=text(form, "reason")))
    return f"Silenced until {until:%Y-%m-%d %H:%M} UTC."
