"""The Senders page: the hosts that alerts come from, and those that have stopped."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from sidekick.control.ports import Sender, Senders
from sidekick.web.frame import Frame

SHOWN = 500


def router(senders: Senders, frame: Frame) -> APIRouter:
    routes = APIRouter(include_in_schema=False)

    @routes.get("/senders")
    async def list_senders(request: Request) -> Response:
        known = senders.states()
        return frame.page(
            request,
            "senders.html",
            senders=sorted(known, key=_quiet_first)[:SHOWN],
            quiet=sum(sender.quiet for sender in known),
            more=max(0, len(known) - SHOWN),
        )

    return routes


def _quiet_first(sender: Sender) -> bool:
    return not sender.quiet
