import inspect
import json

import pytest
from starlette.requests import Request

from common.core import errors
from common.core.errors import BackendError, Conflict, SignInProblem, SignInRequired, TooManyRequests, Unavailable
from functions.http.errors import error_response, unexpected_error

pytestmark = pytest.mark.dialects("sqlite")
CLASSES = [
    found
    for _, found in inspect.getmembers(errors, inspect.isclass)
    if issubclass(found, BackendError) and found is not SignInRequired
]


class TestErrorResponse:
    @pytest.mark.parametrize("cls", CLASSES)
    def test_has_the_status_as_code(self, cls: type[BackendError]) -> None:
        """Clients decide by `code` alone, so it is there and equals the status for every class."""
        error = cls("why", retry_after_seconds=3) if issubclass(cls, TooManyRequests) else cls("why")
        reply = error_response(error)
        body = json.loads(bytes(reply.body))

        assert (cls.status, "application/json") == (reply.status_code, reply.headers["content-type"])
        assert {"code": int(cls.status), "message": error.message} == body
        assert body["message"].endswith(": why")

    def test_names_the_organization_to_sign_in_for(self) -> None:
        """The command line builds the address of the sign-in page from the type and the attribute."""
        reply = error_response(SignInRequired(SignInProblem.REAUTH, "acme"))
        (problem,) = json.loads(bytes(reply.body))["errors"]

        assert 401 == reply.status_code
        assert ("saml_reauth_required", "acme") == (problem["errorType"], problem["attribute"])

    def test_carries_a_warning(self) -> None:
        """What must not be in a message that clients compare travels in a header that they print."""
        error = Conflict(exact="Conflict: x")
        error.warning = "alice holds it"  # type: ignore[attr-defined]

        assert "alice holds it" == error_response(error).headers["x-pulumi-warning"]
        assert "x-pulumi-warning" not in error_response(Conflict("x")).headers

    def test_says_when_to_come_back(self) -> None:
        """A limit per caller says in seconds how long it lasts."""
        assert "7" == error_response(TooManyRequests("slow down", retry_after_seconds=7)).headers["retry-after"]

    def test_names_the_request_for_a_servers_fault_only(self) -> None:
        """Clients append the request's id to the message of a fault of ours."""
        assert "r1" == error_response(Unavailable("x"), "r1").headers["x-pulumi-request-id"]
        assert "x-pulumi-request-id" not in error_response(Conflict("x"), "r1").headers


class TestUnexpectedError:
    def test_tells_nothing(self) -> None:
        """What no one expected is a 500 without detail, under the id that the log knows."""
        request = Request({"type": "http", "stackhold.request_id": "r2", "headers": []})
        reply = unexpected_error(request, RuntimeError("hunter2"))

        assert (500, "r2") == (reply.status_code, reply.headers["x-pulumi-request-id"])
        assert 500 == json.loads(bytes(reply.body))["code"]
        assert b"hunter2" not in reply.body
