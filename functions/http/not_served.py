"""The refusal of addresses and methods that nothing serves."""

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from common.access import authentication as access
from common.backend import Backend
from common.core.errors import BackendError
from functions.http.errors import error_response
from functions.http.unbuilt import find_refusal


async def unserved(request: Request, backend: Backend, refusal: BackendError) -> Response:
    """Tell only those who are signed in what is not served: bad credentials come before "not found".

    A part of upstream's API that this release does not have is called by its name, with 501.
    """
    if request.url.path.startswith("/api/"):
        try:
            await run_in_threadpool(access.authenticate, backend, request.headers.get("authorization", ""))
        except BackendError as error:
            return error_response(error)
    return error_response(find_refusal(request.method, request.url.path) or refusal)
