"""Turns exceptions into the wire's error body, `{"code": <status>, "message": …}`, and never into anything else.

`code` must be there and equal the status: the CLI decides by it alone (state.md 1.4). What is not a BackendError is
answered with 500 without detail; the detail goes to the log under the request's id.
"""

import logging
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from common.audit import refusals
from common.core.errors import BackendError, NotBuilt, SignInRequired, TooManyRequests, Unavailable
from common.rights.caller import PermissionDenied

LOG = logging.getLogger("stackhold.errors")
SERVER_ERROR = 500


class ErrorBody(msgspec.Struct):
    """The wire's error; `code` is the HTTP status. Environments add what is wrong with a document (esc.md 4.1)."""

    code: int
    message: str
    diagnostics: list[Any] | UnsetType = UNSET
    errors: list["RequestProblem"] | UnsetType = UNSET


class RequestProblem(msgspec.Struct, rename="camel"):
    """Upstream's RequestError: `attribute` is what the type is about, an organization's name for a SAML sign-in."""

    resource: str
    attribute: str
    error_type: str
    custom_message: str


def error_response(error: BackendError, request_id: str = "") -> Response:
    """Return the reply for an expected error."""
    headers = {"X-Pulumi-Warning": warning} if (warning := getattr(error, "warning", "")) else {}
    if isinstance(error, TooManyRequests | Unavailable):
        headers["Retry-After"] = str(error.retry_after_seconds)
    if error.status >= SERVER_ERROR and request_id:
        headers["X-Pulumi-Request-ID"] = request_id
    problems = (
        [RequestProblem("organization", error.org_login, error.problem, error.message)]
        if isinstance(error, SignInRequired)
        else UNSET
    )
    body = msgspec.json.encode(ErrorBody(int(error.status), error.message, getattr(error, "diagnostics", UNSET), problems))
    return Response(body, error.status, headers, media_type="application/json")


def unexpected_error(request: Request, _error: Exception) -> Response:
    """Render an unexpected error: a 500 without detail, under the id by which the log tells more."""
    request_id = str(request.scope.get("stackhold.request_id", ""))
    return error_response(
        BackendError("something went wrong inside the server; its log says more under the request id"), request_id
    )


async def record_denied(request: Request, error: BackendError) -> None:
    """Record in the audit log that a caller lacked a permission, before they are told so."""
    caller = getattr(request.state, "caller", None)
    if caller is not None and isinstance(error, PermissionDenied):
        await run_in_threadpool(refusals.record_denied, request.app.state.backend, caller, error)


async def backend_error(request: Request, error: Exception) -> Response:
    """Render a BackendError; server faults among them are logged with their cause."""
    assert isinstance(error, BackendError)  # noqa: S101 - FastAPI calls this for no other class
    request_id = str(request.scope.get("stackhold.request_id", ""))
    if error.status >= SERVER_ERROR and not isinstance(error, NotBuilt):
        LOG.error("request %s: %s", request_id, error.message, exc_info=error)
    await record_denied(request, error)
    return error_response(error, request_id)
