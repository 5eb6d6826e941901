"""Shows people what went wrong as a page, with the status that the API would have answered."""

import logging

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from common.errors import BackendError, BadRequest, MethodNotAllowed, NotFound
from functions.pages.rendering import page, see_other
from functions.pages.visitors import SignInNeeded, Visitor, sign_in_path

LOG = logging.getLogger("stackhold.errors")
SERVER_ERROR, NOT_ALLOWED = 500, 405


def install(app: FastAPI) -> None:
    """Make an application of pages answer with pages."""
    app.add_exception_handler(SignInNeeded, _sign_in)
    app.add_exception_handler(BackendError, _failure)
    app.add_exception_handler(RequestValidationError, _bad_address)
    app.add_exception_handler(HTTPException, _unrouted)


async def _sign_in(request: Request, _error: Exception) -> Response:
    query = f"?{request.url.query}" if request.url.query else ""
    return see_other(sign_in_path(request.url.path + query if request.method == "GET" else "/"))


async def _failure(request: Request, error: Exception) -> Response:
    assert isinstance(error, BackendError)  # noqa: S101 - FastAPI calls this for no other class
    request_id = str(request.scope.get("stackhold.request_id", ""))
    if error.status >= SERVER_ERROR:
        LOG.error("request %s: %s", request_id, error.message, exc_info=error)
    return _page(request, error, request_id if error.status >= SERVER_ERROR else "")


async def _bad_address(request: Request, _error: Exception) -> Response:
    return _page(request, BadRequest("the address has a part that cannot be"))


async def _unrouted(request: Request, error: Exception) -> Response:
    is_method = getattr(error, "status_code", 404) == NOT_ALLOWED
    return _page(request, MethodNotAllowed("this page takes no such request") if is_method else NotFound("there is no such page"))


def _page(request: Request, error: BackendError, request_id: str = "") -> Response:
    visitor = Visitor(request, request.app.state.backend)
    detail = error.message.removeprefix(f"{error.status.phrase}: ")
    return page(visitor, "failure", status=int(error.status), title=error.status.phrase, detail=detail, request_id=request_id)
