"""Makes a group's application out of its router: the only place that makes FastAPI objects."""

from copy import copy
from importlib import import_module

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.telemetry import TelemetryConfig
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from common.backend import Backend
from common.core.errors import BackendError, BadRequest, MethodNotAllowed, NotFound
from functions.http.errors import backend_error, error_response, unexpected_error
from functions.http.groups import Group
from functions.http.not_served import unserved

NOT_FOUND, NOT_ALLOWED = 404, 405
# The edge traces a request, from before its group is found; FastAPI would begin inside the group, a second time.
_SILENT: TelemetryConfig = {"tracing": False, "metrics": False, "logs": False, "auto_configure": False}


def build(group: Group, backend: Backend) -> FastAPI:
    """Return the application of a group's router, with our rendering of everything that goes wrong."""
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False, telemetry=_SILENT)
    app.state.backend = backend
    # Taken over as they are: an included router is matched as a whole first, which costs a fifth of a plain call.
    app.router.routes.extend(_with_head(route) for route in import_module(group.path).router.routes)
    # A package with another form of errors, as pages and SCIM have, says so in its own `install_errors`.
    getattr(import_module(group.path.rpartition(".")[0]), "install_errors", _install_errors)(app)
    return app


def _install_errors(app: FastAPI) -> None:
    app.add_exception_handler(BackendError, backend_error)
    app.add_exception_handler(Exception, unexpected_error)
    app.add_exception_handler(RequestValidationError, _bad_parameters)
    app.add_exception_handler(HTTPException, _unrouted)


def _with_head(route: BaseRoute) -> BaseRoute:
    """Return a route that answers HEAD as GET; every host leaves the body of such a reply out by itself."""
    if not isinstance(route, Route) or "GET" not in (route.methods or ()):
        return route
    both = copy(route)
    both.methods = {*(route.methods or ()), "HEAD"}
    return both


async def _bad_parameters(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - FastAPI calls this for no other class
    problems = "; ".join(f"{'.'.join(str(part) for part in item['loc'][1:])}: {item['msg']}" for item in error.errors())
    return error_response(BadRequest(problems))


async def _unrouted(request: Request, error: Exception) -> Response:
    status = getattr(error, "status_code", NOT_FOUND)
    if status == NOT_ALLOWED:
        refusal: BackendError = MethodNotAllowed(f"{request.method} is not served at this address")
    elif status == NOT_FOUND:
        refusal = NotFound(f"{request.url.path[:200]} is not served")
    else:
        refusal = BadRequest(str(getattr(error, "detail", "")))
    return await unserved(request, request.app.state.backend, refusal)
