"""What surrounds every page: where the visitor is, who that is, and what was just said."""

from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse

from sidekick.web.page import page

SECTIONS = {"/events": "Events"}


class Frame:
    """Fills the parts that all pages have in common."""

    def page(self, request: Request, template: str, *, status: int = 200, **values: Any) -> HTMLResponse:
        return page(template, status=status, sections=SECTIONS, here="/" + request.url.path.split("/")[1], **values)
