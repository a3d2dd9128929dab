"""Outputs: how each stands, and what can be done with it."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Path

from sidekick.api.model import Done
from sidekick.api.moment import Moment, Stretch
from sidekick.api.problem import CHANGE, MissingError, problems
from sidekick.api.visitor import By
from sidekick.control.ports import Outputs, OutputState
from sidekick.sdk.moment import moment

Name = Annotated[str, Path(max_length=200)]


class Window(Stretch):
    since: Moment  # type: ignore[assignment]  (no stretch without a beginning is sent again)


def router(outputs: Outputs) -> APIRouter:
    routes = APIRouter(tags=["outputs"])
    changing = CHANGE | problems(404)

    async def known(name: str) -> None:
        if name not in {state.name for state in await outputs.states()}:
            raise MissingError(f"There is no output {name}.")

    @routes.get("/outputs")
    async def list_outputs() -> Sequence[OutputState]:
        return await outputs.states()

    @routes.post("/outputs/{name}/pause", responses=changing)
    async def pause_output(name: Name, by: By) -> Done:
        """Its alerts wait in the journal until it is resumed, over a restart too."""
        await known(name)
        await outputs.pause(name, by)
        return Done(message=f"{name} is paused; its alerts wait in the journal.")

    @routes.post("/outputs/{name}/resume", responses=changing)
    async def resume_output(name: Name, by: By) -> Done:
        await known(name)
        await outputs.resume(name, by)
        return Done(message=f"{name} delivers again.")

    @routes.post("/outputs/{name}/test", responses=changing)
    async def test_output(name: Name, by: By) -> Done:
        """Sends a test event, past filter and journal."""
        await known(name)
        return Done(message=await outputs.test(name, by))

    @routes.post("/outputs/{name}/replay", responses=changing)
    async def replay_output(name: Name, window: Window, by: By) -> Done:
        """Sends again what was accepted in that stretch of time."""
        await known(name)
        until = window.end.timestamp() if window.end else None
        return Done(message=await outputs.replay(name, moment(window.since).timestamp(), by, until))

    return routes
