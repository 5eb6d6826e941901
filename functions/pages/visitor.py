"""Who looks at a page, and the forms they send: cookies, the key that proves a form is ours, and where to go next.

A form is taken only with the key that was put into it, which is bound to the session's cookie or, before a user has signed
in, to a visit's; and only from our own origin, where the browser says which it is.
"""

import secrets
from dataclasses import replace
from typing import Annotated
from urllib.parse import SplitResult, parse_qs, quote, urlsplit

from fastapi import Depends, Request, Response

from common.backend import Backend
from common.config.public_urls import base_url, is_secure
from common.config.public_urls import origin as own_origin
from common.core.errors import BadRequest, Forbidden, Unauthorized
from common.rights.caller import Caller
from common.sign_in.sessions import service as sessions
from functions.http.bodies import Body, BodyDep
from functions.http.deps import BackendDep, client_address
from functions.http.middleware import PREFIX

HOME = "/settings/tokens"
# A form may have a box to tick for each permission.
FIELDS_LIMIT = 400
_HOUR_SECONDS = 3600


class SignInNeeded(Exception):
    """The page is for people who are signed in: the answer is the sign-in page, which leads back."""


class Visitor:
    """The browser that asks: its cookies, and who is signed in with them."""

    def __init__(self, request: Request, backend: Backend) -> None:
        """Read the cookies; the database is read only when the user is asked for."""
        self._request = request
        self._backend = backend
        self._secure = is_secure(backend.settings)
        self.prefix: str = request.scope.get(PREFIX, "")
        self._session = request.cookies.get(self.session_cookie, "")
        self._known_visit = request.cookies.get(self.visit_cookie, "")
        self.visit = self._known_visit or secrets.token_urlsafe(24)
        self._caller: Caller | None = None
        self._looked = False

    @property
    def session_cookie(self) -> str:
        """Return the name of the session's cookie; the prefix makes browsers keep it off plain HTTP and other hosts."""
        return f"{self._cookie_prefix}stackhold"

    @property
    def visit_cookie(self) -> str:
        """Return the name of the cookie of a visit, with or without a session."""
        return f"{self._cookie_prefix}stackhold-visit"

    @property
    def _cookie_prefix(self) -> str:
        # Browsers take __Host- for the path / alone.
        return "" if not self._secure else "__Secure-" if self.prefix else "__Host-"

    @property
    def caller(self) -> Caller | None:
        """Return who is signed in, or None. One statement, the first time."""
        if not self._looked:
            self._looked = True
            try:
                if self._session:
                    self._caller = replace(sessions.authenticate(self._backend, self._session), source_ip=self.client)
                    # A refused caller is recorded (functions/http/errors.py).
                    self._request.state.caller = self._caller
            except Unauthorized:
                self._caller = None
        return self._caller

    @property
    def form_key(self) -> str:
        """Return what this visitor's forms carry."""
        return sessions.form_key(self._backend, self._session or self.visit)

    @property
    def client(self) -> str:
        """Return the network address that asks, or an empty text when it is not known."""
        return client_address(self._request)

    @property
    def is_part(self) -> bool:
        """Tell whether the script of a page asks for a part of it, and not the browser for a page."""
        return self._request.headers.get("hx-request") == "true"

    @property
    def is_secure(self) -> bool:
        """Tell whether browsers reach the pages over HTTPS."""
        return self._secure

    @property
    def is_lasting_name(self) -> bool:
        """Tell whether browsers may be told to use HTTPS alone at this name from now on: `localhost` has other servers too."""
        return self._secure and urlsplit(base_url(self._backend.settings)).hostname != "localhost"

    def look_away(self) -> None:
        """Leave the user unread: for pages that report a failure, which may be the database's."""
        self._looked = True

    def require(self) -> Caller:
        """Return who is signed in; raises SignInNeeded."""
        if self.caller is None:
            raise SignInNeeded
        return self.caller

    def keep_visit(self, response: Response) -> None:
        """Give the browser its visit's cookie with a reply, unless it has one."""
        if not self._known_visit:
            self._set(response, self.visit_cookie, self.visit, 24 * _HOUR_SECONDS)

    def sign_in(self, response: Response, secret: str) -> None:
        """Give the browser a session's cookie with a reply; the visit begins anew, and the session it had before ends.

        `secret` is what `sessions.start` returned, in a transaction that is over.
        """
        if self.caller is not None:
            sessions.end(self._backend, self.caller)
        seconds = self._backend.settings.session_hours * _HOUR_SECONDS
        self._set(response, self.session_cookie, sessions.cookie(self._backend, secret), seconds)
        self._set(response, self.visit_cookie, "", 0)

    def sign_out(self, response: Response) -> None:
        """Take the session's cookie away with a reply."""
        self._set(response, self.session_cookie, "", 0)

    def _set(self, response: Response, name: str, value: str, seconds: int) -> None:
        # Lax, so that a link from elsewhere and the way back from a provider arrive signed in; forms need their key besides.
        response.set_cookie(
            name, value, max_age=seconds, path=self.prefix or "/", secure=self._secure, httponly=True, samesite="lax"
        )


class Form:
    """A form that was sent; a field that is missing is an empty text."""

    def __init__(self, fields: dict[str, list[str]]) -> None:
        """Take the fields as they came."""
        self._fields = fields

    def text(self, name: str) -> str:
        """Return a field without spaces around it."""
        return self.exact(name).strip()

    def exact(self, name: str) -> str:
        """Return a field as it is: for passwords."""
        return self._fields.get(name, [""])[0]

    def texts(self, name: str) -> list[str]:
        """Return all values of a field that may be there several times, such as ticked boxes."""
        return self._fields.get(name, [])


def get_visitor(request: Request, backend: BackendDep) -> Visitor:
    """Return who looks."""
    return Visitor(request, backend)


def get_person(visitor: "VisitorDep") -> Caller:
    """Return who is signed in; raises SignInNeeded. Named before the form, so that a visitor who has to sign in is told that."""
    return visitor.require()


def get_form(request: Request, backend: BackendDep, visitor: "VisitorDep", body: BodyDep) -> Form:
    """Return the form that was sent; raises BadRequest for none, Forbidden for one that is not this visitor's."""
    return read_form(request, backend, visitor, body)


def read_form(request: Request, backend: Backend, visitor: Visitor, body: Body) -> Form:
    """Return the form in a body, as get_form does: for forms that may be larger than most."""
    _require_own_origin(request, backend)
    form = parse_form(body.text)
    if not secrets.compare_digest(form.exact("form_key").encode(), visitor.form_key.encode()):
        raise Forbidden("this page has expired, or was opened in another browser; go back, reload it and try again")
    return form


def parse_form(text: bytes) -> Form:
    """Return a form's fields; raises BadRequest. For what providers send, which has no key of ours."""
    try:
        return Form(parse_qs(text.decode("ascii"), keep_blank_values=True, max_num_fields=FIELDS_LIMIT))
    except ValueError as error:
        raise BadRequest("this is not a form") from error


def local_path(text: str, default: str = HOME) -> str:
    """Return a path on this host to go to next, or the default for anything that could lead elsewhere."""
    clean = text.startswith("/") and not text.startswith(("//", "/\\")) and text.isprintable() and "\\" not in text
    parts = address_parts(text) if clean else None
    return text if parts is not None and not parts.scheme and not parts.netloc and len(text) <= 2000 else default


def address_parts(text: str) -> SplitResult | None:
    """Return the parts of an address that a client sent, or None for an invalid one, such as `http://[`."""
    try:
        return urlsplit(text)
    except ValueError:
        return None


def sign_in_path(return_to: str) -> str:
    """Return the sign-in page's address that leads back to a path."""
    return f"/signin?return_to={quote(return_to, safe='')}"


def _is_of_host(origin: str, request: Request) -> bool:
    parts = address_parts(origin)
    return parts is not None and parts.netloc == request.headers.get("host", "")


def _require_own_origin(request: Request, backend: Backend) -> None:
    origin = request.headers.get("origin", "")
    if origin in ("", "null"):
        site = request.headers.get("sec-fetch-site", "same-origin")
        is_own = site in ("same-origin", "none") and origin == ""
    else:
        is_own = origin == own_origin(backend.settings) or _is_of_host(origin, request)
    if not is_own:
        raise Forbidden("this form was not sent from a page of this server")


VisitorDep = Annotated[Visitor, Depends(get_visitor)]
PersonDep = Annotated[Caller, Depends(get_person)]
FormDep = Annotated[Form, Depends(get_form)]
