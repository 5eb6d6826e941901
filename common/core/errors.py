"""Every error that a client can tell apart, with the status that upstream's clients expect.

    BackendError                    500  nothing more specific is known
    ├── BadRequest                  400  the request is not of the call's form, or asks for what cannot be
    ├── Unauthorized                401  no credentials, or credentials that are not good
    │   └── SignInRequired          401  … through an organization's own identity provider
    ├── Forbidden                   403  known caller, not allowed; also: the lease is lost
    ├── NotFound                    404  no such thing, or not the caller's to know of
    ├── MethodNotAllowed            405  the address exists, the method does not
    ├── RequestTimeout              408  the body stopped arriving
    ├── Conflict                    409  the thing exists already, or another caller holds it
    ├── TooLarge                    413  a body, batch or value over its limit
    ├── UnsupportedMediaType        415  a content encoding other than gzip
    ├── TooManyRequests             429  a limit per caller is used up; `retry_after_seconds` says how long
    ├── NotBuilt                    501  upstream has it, this server does not (yet)
    └── Unavailable                 503  a service behind this one does not answer; a repeat may succeed

`StartUpError` is not one of them: it stops the program with one line for the operator.
"""

from enum import StrEnum
from http import HTTPStatus


class BackendError(Exception):
    """An error with a status and a message for the person at the command line."""

    status = HTTPStatus.INTERNAL_SERVER_ERROR

    def __init__(self, detail: str = "", *, exact: str | None = None) -> None:
        """Make the message `"<Status text>: <detail>"`, or exactly `exact` where a client compares it literally.

        `detail` is the sentence alone, for a command line, a log or a page.
        """
        self.detail = detail or exact or self.status.phrase
        self.message = exact if exact is not None else f"{self.status.phrase}: {detail}" if detail else self.status.phrase
        super().__init__(self.message)


class BadRequest(BackendError):
    """The request is not of the call's form, or asks for something impossible."""

    status = HTTPStatus.BAD_REQUEST


class Unauthorized(BackendError):
    """No credentials, or none that are good."""

    status = HTTPStatus.UNAUTHORIZED


class SignInProblem(StrEnum):
    """Why a sign-in through an organization's own provider is needed; clients know these words (platform.md 10.4)."""

    LOGIN = "saml_login_required"
    REAUTH = "saml_reauth_required"


class SignInRequired(Unauthorized):
    """The credentials are good, but the organization wants a sign-in through its own provider first."""

    def __init__(self, problem: SignInProblem, org_login: str) -> None:
        """Carry what the client needs to show the address of the sign-in page."""
        super().__init__(f"organization {org_login} asks its members to sign in through its SAML provider")
        self.problem = problem
        self.org_login = org_login


class Forbidden(BackendError):
    """The caller is known and may not do this, or its lease is lost."""

    status = HTTPStatus.FORBIDDEN


class NotFound(BackendError):
    """There is no such thing, or the caller may not know of it: the two look the same."""

    status = HTTPStatus.NOT_FOUND


class MethodNotAllowed(BackendError):
    """The address is served, the method is not."""

    status = HTTPStatus.METHOD_NOT_ALLOWED


class RequestTimeout(BackendError):
    """The client stopped sending its body."""

    status = HTTPStatus.REQUEST_TIMEOUT


class Conflict(BackendError):
    """The thing exists already, changed meanwhile, or is held by another caller."""

    status = HTTPStatus.CONFLICT


class TooLarge(BackendError):
    """A body, batch or value is over its limit; the journal's sender halves its batch on this status."""

    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE

    def __init__(self, detail: str = "") -> None:
        """Spell the status text the same on every Python version."""
        super().__init__(exact=f"Request Entity Too Large: {detail}")
        self.detail = detail


class UnsupportedMediaType(BackendError):
    """The body has a content encoding that is not gzip."""

    status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE


class TooManyRequests(BackendError):
    """A limit per caller is used up."""

    status = HTTPStatus.TOO_MANY_REQUESTS

    def __init__(self, detail: str, *, retry_after_seconds: int) -> None:
        """Carry the waiting time for the Retry-After header."""
        super().__init__(detail)
        self.retry_after_seconds = retry_after_seconds


class NotBuilt(BackendError):
    """The operation exists upstream and is not built here."""

    status = HTTPStatus.NOT_IMPLEMENTED


class Unavailable(BackendError):
    """A database, blob store or key service does not answer; clients repeat what they safely can."""

    status = HTTPStatus.SERVICE_UNAVAILABLE
    retry_after_seconds = 2


class StartUpError(Exception):
    """The program cannot start; the text is the one line the operator sees."""
