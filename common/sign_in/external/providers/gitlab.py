"""Sign-in with GitLab: gitlab.com, or a self-managed server.

The account is at `/api/v4/user`. GitLab keeps a new address apart until its owner confirms it, so `email` is confirmed once
`confirmed_at` says that the account ever was; a server whose administrators have switched confirmation off confirms all.
Source: docs.gitlab.com, "OAuth 2.0 identity provider API" and "Users API".
"""

from common.backend import Backend
from common.config import identity_providers
from common.config.settings import Settings
from common.core.errors import Forbidden, Unauthorized
from common.sign_in.external.providers import oauth
from common.sign_in.model import Account, Answer, BadAccount, Provider, Secrets, address_of, own_name, subject_of, text_of

PUBLIC = "gitlab.com"


def name(settings: Settings) -> str:
    """Return what `identities` call the configured GitLab."""
    endpoint = identity_providers.gitlab(settings)
    return own_name(Provider.GITLAB, endpoint.web) if endpoint.is_own else PUBLIC


class GitLab:
    """A provider's client, as providers.Client says."""

    def __init__(self, backend: Backend, label: str, redirect_uri: str) -> None:
        """Read the settings."""
        self._backend = backend
        self._endpoint = identity_providers.gitlab(backend.settings)
        identifier, secret = backend.settings.gitlab_oauth_id, backend.settings.gitlab_oauth_secret
        self._registration = oauth.Registration(label, identifier, secret, "read_user", redirect_uri)

    def authorize_url(self, secrets: Secrets) -> str:
        """Return where to send a browser."""
        return oauth.authorize_url(self._registration, f"{self._endpoint.web}/oauth/authorize", secrets)

    def fetch_account(self, answer: Answer, secrets: Secrets) -> Account:
        """Return who came back with an answer."""
        label, endpoint = self._registration.label, f"{self._endpoint.web}/oauth/token"
        token = oauth.fetch_tokens(self._backend, self._registration, endpoint, answer.code, secrets.verifier).access
        user = oauth.fetch_json(self._backend, label, f"{self._endpoint.api}/user", token=token)
        if not isinstance(user, dict):
            raise oauth.unreadable(label)
        # A token may outlive its user's being blocked.
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
            raise Unauthorized(f"the answer of {label} is not good: {error}") from None
