"""Sign-in with GitLab: gitlab.com, or a self-managed server.

The account is at `/api/v4/user`. GitLab stores a new address separately until its owner confirms it, so `email` is confirmed
if `confirmed_at` has a time. A server with confirmation switched off sets it for every account.
Source: docs.gitlab.com, "OAuth 2.0 identity provider API" and "Users API".
"""

from common.backend import Backend
from common.config import identity_providers
from common.config.settings import Settings
from common.core.errors import Forbidden, Unauthorized
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

PUBLIC = "gitlab.com"


def name(settings: Settings) -> str:
    """Return the name of the configured GitLab in `identities`."""
    endpoint = identity_providers.gitlab(settings)
    return own_name(Provider.GITLAB, endpoint.web) if endpoint.is_own else PUBLIC


class GitLab:
    """The client of GitLab; see `providers.Client`."""

    def __init__(self, backend: Backend, label: str, redirect_uri: str) -> None:
        """Read the settings."""
        self._backend = backend
        self._endpoint = identity_providers.gitlab(backend.settings)
        identifier, secret = backend.settings.gitlab_oauth_id, backend.settings.gitlab_oauth_secret
        self._registration = oauth.Registration(label, identifier, secret, "read_user", redirect_uri)

    def authorize_url(self, secrets: Secrets) -> str:
        """Return the address to send a browser to."""
        return oauth.authorize_url(self._registration, f"{self._endpoint.web}/oauth/authorize", secrets)

    def fetch_account(self, response: AuthorizationResponse, secrets: Secrets) -> Account:
        """Return the account of the person who came back."""
        label, endpoint = self._registration.label, f"{self._endpoint.web}/oauth/token"
        token = oauth.fetch_tokens(self._backend, self._registration, endpoint, response.code, secrets.verifier).access
        user = oauth.fetch_json(self._backend, label, f"{self._endpoint.api}/user", token=token)
        if not isinstance(user, dict):
            raise oauth.unreadable(label)
        # GitLab may block a user while their token still works.
        if user.get("state", "active") != "active":
            raise Forbidden(f"this account is not active at {label}")
        try:
            return Account(
                provider=name(self._backend.settings),
                subject=subject_of(user.get("id")),
                login=text_of(user, "username"),
                name=text_of(user, "name", "username"),
                email=address_of(user.get("email")),
                is_verified=bool(text_of(user, "confirmed_at")),
                is_own=self._endpoint.is_own,
            )
        except BadAccount as error:
            raise Unauthorized(f"the answer of {label} is not valid: {error}") from None
