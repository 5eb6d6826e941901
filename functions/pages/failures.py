"""Shows people what went wrong as a page, with the status that the API would have answered.

No page here asks the database who looks: it may be what failed.
"""

import logging
from http import HTTPStatus
from urllib.parse import quote, urlencode

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from common.core.errors import BackendError, BadRequest, MethodNotAllowed, NotBuilt, NotFound, SignInRequired, TooManyRequests
from functions.http.errors import record_denied
from functions.http.middleware import PREFIX, without_prefix
from functions.pages.rendering import page, see_other
from functions.pages.visitor import SignInNeeded, Visitor, address_parts, local_path, sign_in_path

LOG = logging.getLogger("stackhold.errors")
SERVER_ERROR, NOT_ALLOWED = 500, 405
_TITLES = {
    HTTPStatus.BAD_REQUEST: "This did not work",
    HTTPStatus.FORBIDDEN: "You have no access",
    HTTPStatus.NOT_FOUND: "Page not found",
    HTTPStatus.CONFLICT: "This did not work",
    HTTPStatus.TOO_MANY_REQUESTS: "Too many requests",
    HTTPStatus.INTERNAL_SERVER_ERROR: "Something went wrong",
    HTTPStatus.SERVICE_UNAVAILABLE: "The server is not available",
}


def install(app: FastAPI) -> None:
    """Make an application of pages answer with pages."""
    app.add_exception_handler(SignInNeeded, _sign_in)
    app.add_exception_handler(SignInRequired, _sign_in_through_provider)
    app.add_exception_handler(BackendError, _failure)
    app.add_exception_handler(RequestValidationError, _bad_address)
    app.add_exception_handler(HTTPException, _unrouted)
    app.add_exception_handler(Exception, _unexpected)


def reason(error: BackendError) -> str:
    """Return what an error says, without the status it begins with: for a page that shows it beside a form."""
    detail = error.detail
    return detail[:1].upper() + detail[1:]


async def _sign_in(request: Request, _error: Exception) -> Response:
    return see_other(sign_in_path(_asked(request) if request.method in ("GET", "HEAD") else _shown_before(request)))


async def _sign_in_through_provider(request: Request, error: Exception) -> Response:
    assert isinstance(error, SignInRequired)  # noqa: S101 - FastAPI calls this for no other class
    return_to = _asked(request) if request.method in ("GET", "HEAD") else _shown_before(request)
    return see_other(f"/signin/sso/{quote(error.org_login, safe='')}?{urlencode({'return_to': return_to})}")


def _asked(request: Request) -> str:
    return request.url.path + (f"?{request.url.query}" if request.url.query else "")


def _shown_before(request: Request) -> str:
    """Return the page of ours that a form stands on; the form itself is filled in again after the sign-in."""
    parts = address_parts(request.headers.get("referer", ""))
    if parts is None or parts.netloc != request.headers.get("host", ""):
        return "/"
    path = without_prefix(parts.path, request.scope.get(PREFIX, ""))
    return local_path(path + (f"?{parts.query}" if parts.query else ""), "/")


async def _failure(request: Request, error: Exception) -> Response:
    assert isinstance(error, BackendError)  # noqa: S101 - FastAPI calls this for no other class
    request_id = str(request.scope.get("stackhold.request_id", ""))
    is_fault = error.status >= SERVER_ERROR and not isinstance(error, NotBuilt)
    if is_fault:
        LOG.error("request %s: %s", request_id, error.message, exc_info=error)
    await record_denied(request, error)
    return _page(request, error, request_id if is_fault else "")


async def _bad_address(request: Request, _error: Exception) -> Response:
    return _page(request, BadRequest("the address has a part that cannot be"))


async def _unrouted(request: Request, error: Exception) -> Response:
    is_method = getattr(error, "status_code", 404) == NOT_ALLOWED
    return _page(
        request, MethodNotAllowed("this page does not accept this request") if is_method else NotFound("this page does not exist")
    )


async def _unexpected(request: Request, _error: Exception) -> Response:
    # The edge logs it with its cause: what is answered here is raised again behind it.
    return _page(request, BackendError("something went wrong inside the server"), str(request.scope["stackhold.request_id"]))


def _page(request: Request, error: BackendError, request_id: str = "") -> Response:
    visitor = Visitor(request, request.app.state.backend)
    visitor.look_away()
    title, detail = _TITLES.get(error.status, error.status.phrase), reason(error)
    response = page(visitor, "failure", status=int(error.status), title=title, detail=detail, request_id=request_id)
    if isinstance(error, TooManyRequests):
        response.headers["Retry-After"] = str(error.retry_after_seconds)
    return response
