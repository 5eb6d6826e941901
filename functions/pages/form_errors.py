"""What a form's page does when the form cannot be taken: it comes back with what is wrong, and the status that says so."""

from collections.abc import Callable

from fastapi import Response

from common.core.errors import BackendError, TooManyRequests
from functions.pages.failures import SERVER_ERROR


def attempt(act: Callable[[], Response], again: Callable[[BackendError], Response]) -> Response:
    """Return what a form leads to, or its page again with the error; a failure of the server's is not the user's mistake."""
    try:
        return act()
    except BackendError as error:
        if error.status >= SERVER_ERROR:
            raise
        response = again(error)
        if isinstance(error, TooManyRequests):
            response.headers["Retry-After"] = str(error.retry_after_seconds)
        return response
