"""Coming in and going out."""

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from sidekick.control.ports import Access, RefusedError
from sidekick.web.frame import Said, own, read_form, text
from sidekick.web.page import page


def router(access: Access) -> APIRouter:
    routes = APIRouter(include_in_schema=False)

    def shown(to: str, problem: str = "", status: int = 200, again: bool = False) -> Response:
        said = Said(problem, bad=True) if problem else None
        values = {"to": to, "said": said, "again": again}
        return page("login.html", status=status, **values, sections={}, here="", visitor=None)

    @routes.get("/login")
    async def ask(request: Request) -> Response:
        # A link in a chat: browsers bring no SameSite=Strict cookie from there, but from this page they do.
        linked = request.headers.get("sec-fetch-site") == "cross-site"
        return shown(_inside(request.query_params.get("to", "")), again=linked)

    @routes.post("/login")
    async def log_in(request: Request) -> Response:
        form = await read_form(request)
        to = _inside(text(form, "to"))
        answer = RedirectResponse(to, 303)
        try:
            if await access.log_in(request, answer, text(form, "name"), form.get("password", [""])[0]):
                return answer
        except RefusedError as error:
            return shown(to, str(error), 403)
        return shown(to, "Name or password is wrong.", 403)

    @routes.post("/logout")
    async def log_out(request: Request) -> Response:
        answer = RedirectResponse("/login", 303)
        visitor, form = access.visitor(request), await read_form(request)
        if visitor is not None and own(form, visitor):
            access.log_out(request, answer)
        return answer

    return routes


def _inside(to: str) -> str:
    """Only a path of this site: a link that logs somebody in must not lead elsewhere.

    Browsers pass over control characters, and take a backslash for a slash (WHATWG URL, section 4.4).
    """
    path = "".join(char for char in to if char > " ")
    return "/events" if path[:1] != "/" or path[1:2] in ("/", "\\") else path
