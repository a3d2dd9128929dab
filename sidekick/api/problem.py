"""What cannot be done, as the API says it: `{"error": sentence}` with a status of 4xx or 5xx."""

from http import HTTPStatus
from typing import Any

import msgspec
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict
from starlette.exceptions import HTTPException

from sidekick.control import RefusedError
from sidekick.filter import FilterError
from sidekick.store import StoreError
from sidekick.web.page import HEADERS, page


class Problem(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)

    error: str
    """What is wrong, in a sentence."""


class UnavailableError(Exception):
    """What the answer would come from is not there now; the message says why, in a sentence."""


class MissingError(Exception):
    """There is no such thing; the message says so, in a sentence."""


_CODES: dict[type[Exception], int] = {
    FilterError: 422,
    MissingError: 404,
    RefusedError: 409,
    StoreError: 503,
    UnavailableError: 503,
}


_LONGEST = 2000
"""Characters of a sentence."""


def problem(status: int, sentence: str, **headers: str) -> Response:
    """Whatever the sentence quotes of a request, half surrogates too, can be sent; of a megabyte the beginning."""
    body = msgspec.json.encode({"error": sentence[:_LONGEST].encode("utf-8", "replace").decode()})
    return Response(body, status, headers, "application/json")


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The same for the OpenAPI document."""
    return {status: {"model": Problem, "description": HTTPStatus(status).phrase} for status in statuses}


READ = problems(401, 421, 422, 503)
"""What every question may be answered with."""
CHANGE = problems(400, 403, 409, 413, 415)
"""What a change may be answered with, too."""


def install(app: FastAPI) -> None:
    app.add_exception_handler(HTTPException, _of_http)
    app.add_exception_handler(RequestValidationError, _of_validation)
    for kind in _CODES:
        app.add_exception_handler(kind, _of_ours)
    app.add_exception_handler(Exception, _of_defect)


async def _of_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    path = request.url.path
    headers = {name.lower(): value for name, value in (error.headers or {}).items()}
    if "text/html" in request.headers.get("accept", "") and not f"{path}/".startswith("/api/"):
        # Somebody typed it, or a browser without scripts asks again for what a form was sent to.
        frame: dict[str, Any] = {"sections": {}, "here": "", "visitor": None, "said": None}
        answer = page("nowhere.html", status=error.status_code, path=path, **frame)
        answer.headers.update(headers)
        return answer
    return problem(error.status_code, f"{error.detail}: {request.method} {path[:200]}", **headers)


async def _of_validation(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"][1:])[:200]
    what = first["msg"].removeprefix("Value error, ")
    return problem(422, f"{where}: {what}" if where else what)


async def _of_ours(request: Request, error: Exception) -> Response:
    text = error.summary if isinstance(error, FilterError) else str(error)
    return problem(next(code for kind, code in _CODES.items() if isinstance(error, kind)), text)


async def _of_defect(request: Request, error: Exception) -> Response:
    """Answers from outside all middleware; the server logs the error itself."""
    answer = problem(500, "This is a defect of sidekick; its log tells more.")
    answer.headers.update(HEADERS)
    return answer
