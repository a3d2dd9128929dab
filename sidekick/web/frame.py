"""What surrounds every page: who looks, where they are, and what came of what they did."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from hmac import compare_digest
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from fastapi import Request
from fastapi.responses import HTMLResponse

from sidekick.control.ports import Access, Intake, RefusedError, Reload, Visitor
from sidekick.web.page import page

SECTIONS = {
    "/events": "Events",
    "/outputs": "Outputs",
    "/dead-letters": "Dead letters",
    "/silences": "Silences",
    "/blocks": "Blocks",
    "/senders": "Senders",
    "/trail": "Trail",
    "/api/docs": "API",
}
_MOST_BYTES = 1 << 16
"""Of a form: a filter and a reason, or some hundred ids of dead letters."""

Form = dict[str, list[str]]
Action = Callable[[Form, str], Awaitable[str]]
"""Takes a form and the visitor's name; gives what came of it, in a sentence. Raises `RefusedError`."""


class LoginNeededError(Exception):
    """Nobody is logged in; `address` is where to send the browser."""

    def __init__(self, wanted: str) -> None:
        super().__init__(wanted)
        self.address = f"/login?{urlencode({'to': wanted})}"


@dataclass(frozen=True)
class Said:
    """What came of an action."""

    text: str
    bad: bool = False
    asked: Form = field(default_factory=dict[str, list[str]])
    """What was asked for and refused: nobody has to write it again."""

    @property
    def status(self) -> int:
        return 409 if self.bad else 200


class Frame:
    """Fills the parts that all pages have in common, and stands before each action."""

    def __init__(self, access: Access, intake: Intake, reload: Reload) -> None:
        self._access = access
        self._intake = intake
        self._reload = reload

    def page(
        self, request: Request, template: str, *, said: Said | None = None, status: int = 0, **values: Any
    ) -> HTMLResponse:
        """Raises `LoginNeededError`."""
        here = "/" + request.url.path.split("/")[1]
        return page(
            template,
            status=status or (said.status if said else 200),
            sections=SECTIONS,
            here=here,
            visitor=self.visitor(request),
            obstacle=self._intake.obstacle,
            not_taken=self._reload.problem,
            said=said,
            **values,
        )

    def visitor(self, request: Request) -> Visitor:
        """Raises `LoginNeededError`."""
        visitor = self._access.visitor(request)
        if visitor is None:
            raise LoginNeededError(_place(request))
        return visitor

    async def act(self, request: Request, action: Action) -> Said:
        """Does what a form asks for, if the visitor may and it is the visitor who asks. Raises `LoginNeededError`."""
        visitor = self.visitor(request)
        form = await read_form(request)
        if not own(form, visitor):
            return Said("This page was open for too long: load it again and repeat.", bad=True)
        if not visitor.may_change:
            return Said(f"{visitor.name} may look at everything and change nothing.", bad=True)
        try:
            return Said(await action(form, visitor.name))
        except RefusedError as error:
            return Said(str(error), bad=True, asked=form)


def asked(said: Said | None, what: str = "") -> Form:
    """The form that was refused, where it asked for that; else an empty one."""
    return said.asked if said and text(said.asked, "do") == what else {}


def _place(request: Request) -> str:
    """The page that is asked for, or the one that a form was on."""
    try:
        place = urlsplit(str(request.url) if request.method == "GET" else request.headers.get("referer", "/"))
    except ValueError:
        return "/"
    return f"{place.path}?{place.query}" if place.query else place.path


async def read_form(request: Request) -> Form:
    """The fields of a form; none of one that is too long."""
    content = await read_body(request, _MOST_BYTES) or b""
    form: Form = {}
    for name, value in parse_qsl(content.decode("utf-8", "replace"), keep_blank_values=True):
        form.setdefault(name, []).append(value)
    return form


async def read_body(request: Request, most: int) -> bytes | None:
    """None where it has more bytes. Raises `ClientDisconnect`."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > most:
            return None
    return body


def own(form: Form, visitor: Visitor) -> bool:
    """Whether a form was filled in on a page that the visitor was given."""
    return compare_digest(text(form, "token").encode(), visitor.token.encode())


def staying(access: Access, request: Request) -> Callable[[], bool]:
    """Tells whether the visitor is still the same and may do the same: an answer without an end outlives a login."""
    visitor = access.visitor(request)
    return lambda: access.visitor(request) == visitor


def text(form: Form, name: str) -> str:
    return form.get(name, [""])[0].strip()
