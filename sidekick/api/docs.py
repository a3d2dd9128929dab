"""The OpenAPI document for people: Swagger UI, of this host's own files."""

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, Response

from sidekick.web.page import HEADERS, fragment

# Its style sheet draws arrows and crosses by `data:` addresses, which no script can come from.
_POLICY = HEADERS["Content-Security-Policy"].replace("img-src 'self'", "img-src 'self' data:")


def router() -> APIRouter:
    routes = APIRouter(include_in_schema=False)

    @routes.get("/api/docs")
    async def show() -> Response:
        return HTMLResponse(fragment("docs.html"), headers=HEADERS | {"Content-Security-Policy": _POLICY})

    return routes
