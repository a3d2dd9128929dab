"""Senders: the hosts that alerts come from."""

from fastapi import APIRouter
from pydantic import AwareDatetime

from sidekick.api.model import Model
from sidekick.control.ports import Senders


class Sender(Model):
    host: str
    """As its alerts name it."""
    sender: str
    """Whom it has proved to be."""
    first: AwareDatetime
    last: AwareDatetime
    count: int
    quiet: bool
    """Nothing has come for longer than is to be expected."""


def router(senders: Senders) -> APIRouter:
    routes = APIRouter(tags=["senders"])

    @routes.get("/senders", response_model=list[Sender])
    async def list_senders() -> object:
        """The one heard last first."""
        return senders.states()

    return routes
