"""Sign-in with GitHub: github.com, or an enterprise server with its API's address in the settings.

GitHub supports OAuth 2.0 and its own API: the account is at `/user`, its addresses at `/user/emails`. The primary address is
used if it is verified. Source: docs.github.com, "Authorizing OAuth apps" and "REST API endpoints for emails".
"""

from typing import Any

from common.backend import Backend
from common.config import identity_providers
from common.config.settings import Settings
from common.core.errors import Unauthorized
from common.sign_in.external.providers import oauth
from common.sign_in.model import (
    Account,
    AuthorizationResponse,
    BadAccount,
    Provider,
    Secrets,
    address_of,
    own_name,
    subject_of,
    text_of,
)

PUBLIC = "github.com"
_ACCEPT = "application/vnd.github+json"
_ADDRESSES = 100


def name(settings: Settings) -> str:
    """Return the name of the configured GitHub in `identities`."""
    endpoint = identity_providers.github(settings)
    return own_name(Provider.GITHUB, endpoint.api) if endpoint.is_own else PUBLIC


class GitHub:
    """The client of GitHub; see `providers.Client`."""

    def __init__(self, backend: Backend, label: str, redirect_uri: str) -> None:
        """Read the settings."""
        self._backend = backend
        self._endpoint = identity_providers.github(backend.settings)
        identifier, secret = backend.settings.github_oauth_id, backend.settings.github_oauth_secret
        self._registration = oauth.Registration(label, identifier, secret, "read:user user:email", redirect_uri)

    def authorize_url(self, secrets: Secrets) -> str:
        """Return the address to send a browser to."""
        return oauth.authorize_url(self._registration, f"{self._endpoint.web}/login/oauth/authorize", secrets)

    def fetch_account(self, response: AuthorizationResponse, secrets: Secrets) -> Account:
        """Return the account of the person who came back."""
        endpoint = f"{self._endpoint.web}/login/oauth/access_token"
        token = oauth.fetch_tokens(self._backend, self._registration, endpoint, response.code, secrets.verifier).access
        user = self._get("/user", token)
        emails = self._get(f"/user/emails?per_page={_ADDRESSES}", token)
        if not isinstance(user, dict):
            raise oauth.unreadable(self._registration.label)
        primary = _primary(emails)
        try:
            return Account(
                provider=name(self._backend.settings),
                subject=subject_of(user.get("id")),
                login=text_of(user, "login"),
                name=text_of(user, "name", "login"),
                email=address_of(primary.get("email")),
                is_verified=primary.get("verified") is True,
                is_own=self._endpoint.is_own,
            )
        except BadAccount as error:
            raise Unauthorized(f"the answer of {self._registration.label} is not valid: {error}") from None

    def _get(self, path: str, token: str) -> Any:  # noqa: ANN401 - JSON
        address = f"{self._endpoint.api}{path}"
        return oauth.fetch_json(self._backend, self._registration.label, address, token=token, accept=_ACCEPT)


def _primary(emails: object) -> dict[str, Any]:
    """Return the entry of the primary address, or an empty one."""
    entries = [entry for entry in emails if isinstance(entry, dict)] if isinstance(emails, list) else []
    return next((entry for entry in entries if entry.get("primary") is True), {})
