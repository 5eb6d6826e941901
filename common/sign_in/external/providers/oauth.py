"""The authorization code grant of OAuth 2.0 with PKCE, by Authlib, over the guarded calls; and calls with the token it gives.

Authlib's own HTTP clients would bring connections of their own; it is given a session that calls out as everything here does:
without redirects, to public addresses, with a limit on what is read.
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
_KIND = re.compile(r"[a-z_]{1,60}")
_OK, _REDIRECT, _SERVER_ERROR = 200, range(300, 400), 500


@dataclass(frozen=True, slots=True)
class Registration:
    """How a provider knows this installation. `method` is how it proves itself there, in the words of OAuth."""

    label: str
    client_id: str
    client_secret: str = field(repr=False)
    scope: str
    redirect_uri: str
    method: str = "client_secret_post"


@dataclass(frozen=True, slots=True)
class Tokens:
    """What a provider gave for a code; `identity` is the identity token of OpenID Connect, or empty."""

    access: str = field(repr=False)
    identity: str = field(default="", repr=False)


def authorize_url(registration: Registration, endpoint: str, secrets: Secrets, **more: str) -> str:
    """Return the address at which a provider asks somebody whether they want to sign in here; raises Unavailable for none."""
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
    """Return what a provider gives for a code; raises Unauthorized when it gives nothing, Unavailable when it cannot be asked."""
    from authlib.common.errors import AuthlibBaseError  # noqa: PLC0415 - as in _client

    try:
        found = _client(registration, _Session(backend, registration.label)).fetch_token(
            endpoint,
            grant_type="authorization_code",
            code=code,
            code_verifier=verifier,
            redirect_uri=registration.redirect_uri,
        )
    except AuthlibBaseError as error:
        # The word is the provider's; what it says besides is shown to nobody, since anybody may have written it.
        word = error.error if isinstance(error.error, str) and _KIND.fullmatch(error.error) else "an error"
        LOG.warning("%s refuses a sign-in's code: %s", registration.label, word)
        raise Unauthorized(f"{registration.label} does not accept this sign-in; begin again") from None
    except (ValueError, TypeError, OverflowError):  # of Authlib, over members that are of another kind than they should be
        raise unreadable(registration.label) from None
    access = found.get("access_token")
    if not isinstance(access, str) or not access or not access.isascii():
        raise unreadable(registration.label)
    identity = found.get("id_token")
    return Tokens(access, identity if isinstance(identity, str) else "")


def fetch_json(backend: Backend, label: str, url: str, *, token: str = "", accept: str = "application/json") -> Any:  # noqa: ANN401 - JSON
    """Return the document at a provider's address; raises Unavailable for anything but one."""
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
    """Call a provider; raises Unavailable, and tells the log why."""
    try:
        return backend.outbound.call(method, url, **content)
    except CallFailed as error:
        LOG.warning("%s cannot be asked: %s", label, error)
        raise Unavailable(f"{label} does not answer; try again") from error


def unreadable(label: str) -> Unavailable:
    """Return the error for an answer that is of no known form."""
    return Unavailable(f"{label} gives an answer that cannot be read")


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
    """Sends what Authlib wants sent."""

    def __init__(self, backend: Backend, label: str) -> None:
        self._backend = backend
        self._label = label

    def post(self, url: str, *, data: Mapping[str, str], headers: Mapping[str, str], auth: Any) -> "_Answer":  # noqa: ANN401 - Authlib's
        """Send a form with this installation's credentials."""
        address, sent, body = auth.prepare("POST", url, dict(headers), urlencode(data))
        form = dict(parse_qsl(body, keep_blank_values=True))
        reply = call(self._backend, self._label, "POST", address, headers=sent, form=form)
        if reply.status in _REDIRECT or reply.status >= _SERVER_ERROR:
            LOG.warning("%s answers with status %d where tokens are given", self._label, reply.status)
            raise Unavailable(f"{self._label} answers with status {reply.status}")
        return _Answer(reply.status, reply.body)


@dataclass(frozen=True, slots=True)
class _Answer:
    """An answer as Authlib reads it."""

    status_code: int
    body: bytes = field(repr=False)

    def json(self) -> Any:  # noqa: ANN401 - JSON
        try:
            return json.loads(self.body)
        except RecursionError as error:
            raise ValueError from error

    def raise_for_status(self) -> None:
        """Raise ValueError where Authlib found no answer that it can read."""
        raise ValueError(self.status_code)
