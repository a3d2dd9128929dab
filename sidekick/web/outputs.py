"""The Outputs page: how each stands, and what can be done with it."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from sidekick.control.ports import Outputs, RefusedError
from sidekick.sdk.moment import moment
from sidekick.web.frame import Form, Frame, Said, asked, text


def router(outputs: Outputs, frame: Frame) -> APIRouter:
    routes = APIRouter(include_in_schema=False)

    async def shown(request: Request, said: Said | None = None, name: str = "") -> Response:
        form = asked(said, "replay")
        window = {"since": text(form, "since") or "1h", "until": text(form, "until")}
        return frame.page(
            request,
            "outputs.html",
            said=said,
            outputs=await outputs.states(),
            replayed=name if form else "",
            window=window,
        )

    @routes.get("/outputs")
    async def list_outputs(request: Request) -> Response:
        return await shown(request)

    @routes.post("/outputs/{name}")
    async def act(request: Request, name: str) -> Response:
        return await shown(request, await frame.act(request, lambda form, by: _act(outputs, name, form, by)), name)

    return routes


async def _act(outputs: Outputs, name: str, form: Form, by: str) -> str:
    match text(form, "do"):
        case "pause":
            await outputs.pause(name, by)
            return f"{name} is paused; its alerts wait in the journal."
        case "resume":
            await outputs.resume(name, by)
            return f"{name} delivers again."
        case "test":
            return await outputs.test(name, by)
        case "replay":
            since, until = _window(form)
            return await outputs.replay(name, since, by, until)
        case _:
            raise RefusedError("Nothing was asked for.")


def _window(form: Form) -> tuple[float, float | None]:
    """The stretch of time that is to be replayed, s since 1970; None is now. Raises `RefusedError`."""
    end = text(form, "until")
    try:
        since, until = moment(text(form, "since")), moment(end) if end else None
    except ValueError as error:
        raise RefusedError(f"Nothing was sent: {error}.") from None
    if until and until <= since:
        raise RefusedError("Nothing was sent: it would end before it begins.")
    return since.timestamp(), until.timestamp() if until else None
