"""The Azure Functions entry point; the platform looks for it here, beside host.json, and takes what it declares.

One HTTP function serves every address and method, and leaves authentication to the application. One timer prepares the
installation and runs the background jobs.
"""

import logging
import os
from collections.abc import Collection

import azure.functions as func
from starlette.types import ASGIApp

from functions.hosts.azure_http import serve
from functions.hosts.function_host import FunctionHost

# The SDKs log every call, with headers and all.
logging.getLogger("azure").setLevel(logging.WARNING)
logging.getLogger("stackhold").setLevel(logging.INFO)

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)
# A change of the app's settings starts every process again, so they are read once.
host = FunctionHost(lambda: dict(os.environ))
host.open()


@app.function_name("api")
@app.route(route="{*path}", trigger_arg_name="request")
async def api(request: func.HttpRequest) -> func.HttpResponse:
    """Serve one request."""
    return await respond(host, request, host.trusted_proxies)


async def respond(application: ASGIApp, request: func.HttpRequest, trusted_proxies: Collection[str] = ()) -> func.HttpResponse:
    """Return an application's reply to a request in the platform's shape."""
    answer = await serve(application, request, trusted_proxies)
    response = func.HttpResponse(answer.body, status_code=answer.status, mimetype="application/json")
    for name, value in answer.headers:
        response.headers.add(name, value)
    return response


@app.function_name("jobs")
@app.timer_trigger("timer", schedule="0 * * * * *", run_on_startup=False, use_monitor=False)
def jobs(timer: func.TimerRequest) -> None:
    """Run what is due; a tick that comes late is as good as one in time."""
    del timer
    host.tick()
