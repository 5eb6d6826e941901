"""The authorization code grant of OAuth 2.0 with PKCE, by Authlib, and calls with the access token.

Authlib's own HTTP clients would open connections of their own. It gets a session that uses the guarded client instead: no
redirects, public addresses only, a limit on the size of answers.
"""

import json
import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode

from common.backend import Backend
from common.core.errors import Unauthorized, Unavailable
from common.ports.outbound import CallFailed, Reply
from common.sign_in.model import Secrets

if TYPE_CHECKING:
    from authlib.oauth2.client import OAuth2Client

LOG = logging.getLogger("stackhold.identity")
_ERROR_CODE = re.compile(r"[a-z_]{1,60}")
_OK, _REDIRECT, _SERVER_ERROR = 200, range(300, 400), 500


@dataclass(frozen=True, slots=True)
class Registration:
    """The registration of this installation at a provider. `method` is its OAuth client authentication method."""

    label: str
    client_id: str
    client_secret: str = field(repr=False)
    scope: str
    redirect_uri: str
    method: str = "client_secret_post"


@dataclass(frozen=True, slots=True)
class Tokens:
    """The tokens of a code; `identity` is the identity token of OpenID Connect, or empty."""

    access: str = field(repr=False)
    identity: str = field(default="", repr=False)


def authorize_url(registration: Registration, endpoint: str, secrets: Secrets, **more: str) -> str:
    """Return the address at which a provider asks a person to sign in; raises Unavailable if the endpoint is not valid."""
    try:
        url, _state = _client(registration, None).create_authorization_url(
            endpoint,
            state=secrets.state,
            code_verifier=secrets.verifier,
            redirect_uri=registration.redirect_uri,
            **more,
        )
    except ValueError:
        raise unreadable(registration.label) from None
    return str(url)


def fetch_tokens(backend: Backend, registration: Registration, endpoint: str, code: str, verifier: str) -> Tokens:
    """Return the tokens of a code; raises Unauthorized if the provider refuses, Unavailable if it cannot be reached."""
    from authlib.common.errors import AuthlibBaseError  # noqa: PLC0415 - as in _client

    try:
        tokens = _client(registration, _Session(backend, registration.label)).fetch_token(
            endpoint,
            grant_type="authorization_code",
            code=code,
            code_verifier=verifier,
            redirect_uri=registration.redirect_uri,
        )
    except AuthlibBaseError as error:
        # Only the error code is logged. The rest may be anyone's text, so it is shown to no one.
        problem = error.error if isinstance(error.error, str) and _ERROR_CODE.fullmatch(error.error) else "an error"
        LOG.warning("%s refuses a sign-in's code: %s", registration.label, problem)
        raise Unauthorized(f"{registration.label} does not accept this sign-in; start again") from None
    except (ValueError, TypeError, OverflowError):  # from Authlib, for members of a wrong type
        raise unreadable(registration.label) from None
    access = tokens.get("access_token")
    if not isinstance(access, str) or not access or not access.isascii():
        raise unreadable(registration.label)
    identity = tokens.get("id_token")
    return Tokens(access, identity if isinstance(identity, str) else "")


def fetch_json(backend: Backend, label: str, url: str, *, token: str = "", accept: str = "application/json") -> Any:  # noqa: ANN401 - JSON
    """Return the JSON document at a provider's address; Unavailable if it cannot be read."""
    headers = {"Accept": accept, **({"Authorization": f"Bearer {token}"} if token else {})}
    reply = call(backend, label, "GET", url, headers=headers)
    if reply.status != _OK:
        LOG.warning("%s answers with status %d", label, reply.status)
        raise Unavailable(f"{label} answers with status {reply.status}")
    try:
        return json.loads(reply.body)
    except (ValueError, RecursionError):
        raise unreadable(label) from None


def call(backend: Backend, label: str, method: str, url: str, **content: Any) -> Reply:  # noqa: ANN401 - as Outbound.call takes it
    """Call a provider; raises Unavailable, and logs the reason."""
    try:
        return backend.outbound.call(method, url, **content)
    except CallFailed as error:
        LOG.warning("%s cannot be reached: %s", label, error)
        raise Unavailable(f"{label} does not answer; try again") from error


def unreadable(label: str) -> Unavailable:
    """Return the error for an answer that cannot be read."""
    return Unavailable(f"{label} sent an answer that cannot be read")


def _client(registration: Registration, session: "_Session | None") -> "OAuth2Client":
    from authlib.oauth2.client import OAuth2Client  # noqa: PLC0415 - loading it takes longer than most requests

    method = registration.method if registration.client_secret else "none"
    return OAuth2Client(
        session,
        client_id=registration.client_id,
        client_secret=registration.client_secret,
        scope=registration.scope,
        token_endpoint_auth_method=method,
        code_challenge_method="S256",
    )


class _Session:
    """Sends the requests of Authlib with the guarded client."""

    def __init__(self, backend: Backend, label: str) -> None:
        self._backend = backend
        self._label = label

    def post(self, url: str, *, data: Mapping[str, str], headers: Mapping[str, str], auth: Any) -> "_Answer":  # noqa: ANN401 - Authlib's
        """Send a form with the credentials of this installation."""
        address, all_headers, body = auth.prepare("POST", url, dict(headers), urlencode(data))
        form = dict(parse_qsl(body, keep_blank_values=True))
        reply = call(self._backend, self._label, "POST", address, headers=all_headers, form=form)
        if reply.status in _REDIRECT or reply.status >= _SERVER_ERROR:
            LOG.warning("the token endpoint of %s answers with status %d", self._label, reply.status)
            raise Unavailable(f"{self._label} answers with status {reply.status}")
        return _Answer(reply.status, reply.body)


@dataclass(frozen=True, slots=True)
class _Answer:
    """An answer in the form that Authlib reads."""

    status_code: int
    body: bytes = field(repr=False)

    def json(self) -> Any:  # noqa: ANN401 - JSON
        try:
            return json.loads(self.body)
        except RecursionError as error:
            raise ValueError from error

    def raise_for_status(self) -> None:
        """Raise ValueError, since Authlib could not read the answer."""
        raise ValueError(self.status_code)
