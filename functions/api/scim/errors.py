"""Answers errors of /scim with the protocol's error body (RFC 7644 3.12), which directories show to their administrators."""

import logging

import msgspec
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from msgspec import UNSET
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import Response

from common.core.errors import BackendError, BadRequest, MethodNotAllowed, NotBuilt, NotFound, TooManyRequests, Unauthorized
from common.sign_in.scim.model import ScimType
from common.sign_in.scim.service import tokens
from common.wire.scim import ErrorBody

LOG = logging.getLogger("stackhold.errors")
SCIM_JSON = "application/scim+json"
SERVER_ERROR, NOT_ALLOWED, BAD_REQUEST = 500, 405, 400
# The position of the organization in /scim/v2/{org}/….
_ORG_SEGMENT = 3


def install(app: FastAPI) -> None:
    """Make an application answer errors in SCIM's form."""
    app.add_exception_handler(BackendError, _failure)
    app.add_exception_handler(RequestValidationError, _bad_parameters)
    app.add_exception_handler(HTTPException, _unrouted)
    app.add_exception_handler(Exception, _unexpected)


def scim_error(error: BackendError) -> Response:
    """Return the reply for an expected error."""
    default = ScimType.INVALID_SYNTAX if error.status == BAD_REQUEST else UNSET
    body = ErrorBody(str(int(error.status)), error.detail, getattr(error, "scim_type", default))
    headers = {"WWW-Authenticate": "Bearer"} if isinstance(error, Unauthorized) else {}
    if isinstance(error, TooManyRequests):
        headers["Retry-After"] = str(error.retry_after_seconds)
    return Response(msgspec.json.encode(body), error.status, headers, media_type=SCIM_JSON)


async def _failure(request: Request, error: Exception) -> Response:
    assert isinstance(error, BackendError)  # noqa: S101 - FastAPI calls this for this class alone
    if error.status >= SERVER_ERROR and not isinstance(error, NotBuilt):
        LOG.error("request %s: %s", request.scope.get("stackhold.request_id", ""), error.message, exc_info=error)
    return scim_error(error)


async def _bad_parameters(_request: Request, _error: Exception) -> Response:
    return scim_error(BadRequest("a parameter of the request is not of the expected form"))


async def _unrouted(request: Request, error: Exception) -> Response:
    """Refuse an address that is not served; without a token the answer is the same as at any other address."""
    if getattr(error, "status_code", BAD_REQUEST) == NOT_ALLOWED:
        refusal: BackendError = MethodNotAllowed(f"{request.method} is not served at this address")
    else:
        refusal = NotFound(f"{request.url.path[:200]} is not served")
    segments = request.url.path.split("/")
    org = segments[_ORG_SEGMENT] if len(segments) > _ORG_SEGMENT else ""
    try:
        header = request.headers.get("authorization", "")
        await run_in_threadpool(tokens.authenticate, request.app.state.backend, org, header)
    except BackendError as unauthorized:
        return scim_error(unauthorized)
    return scim_error(refusal)


async def _unexpected(request: Request, _error: Exception) -> Response:
    # The error is raised again after this reply, and logged with its cause.
    request_id = request.scope.get("stackhold.request_id", "")
    return scim_error(BackendError(f"the server failed; see request {request_id} in its log"))
