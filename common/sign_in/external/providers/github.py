"""Sign-in with GitHub: the public one, or an enterprise server whose API's address the settings have.

GitHub speaks OAuth 2.0 and its own API: the account is at `/user`, its addresses at `/user/emails`, of which the primary one
counts if it is verified. Source: docs.github.com, "Authorizing OAuth apps" and "REST API endpoints for emails".
"""

from typing import Any

from common.backend import Backend
from common.config import identity_providers
from common.config.settings import Settings
from common.core.errors import Unauthorized
from common.sign_in.external.providers import oauth
from common.sign_in.model import Account, Answer, BadAccount, Provider, Secrets, address_of, own_name, subject_of, text_of

PUBLIC = "github.com"
_ACCEPT = "application/vnd.github+json"
_ADDRESSES = 100


def name(settings: Settings) -> str:
    """Return what `identities` call the configured GitHub."""
    endpoint = identity_providers.github(settings)
    return own_name(Provider.GITHUB, endpoint.api) if endpoint.is_own else PUBLIC


class GitHub:
    """A provider's client, as providers.Client says."""

    def __init__(self, backend: Backend, label: str, redirect_uri: str) -> None:
        """Read the settings."""
        self._backend = backend
        self._endpoint = identity_providers.github(backend.settings)
        identifier, secret = backend.settings.github_oauth_id, backend.settings.github_oauth_secret
        self._registration = oauth.Registration(label, identifier, secret, "read:user user:email", redirect_uri)

    def authorize_url(self, secrets: Secrets) -> str:
        """Return where to send a browser."""
        return oauth.authorize_url(self._registration, f"{self._endpoint.web}/login/oauth/authorize", secrets)

    def fetch_account(self, answer: Answer, secrets: Secrets) -> Account:
        """Return who came back with an answer."""
        endpoint = f"{self._endpoint.web}/login/oauth/access_token"
        token = oauth.fetch_tokens(self._backend, self._registration, endpoint, answer.code, secrets.verifier).access
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
            raise Unauthorized(f"the answer of {self._registration.label} is not good: {error}") from None

    def _get(self, path: str, token: str) -> Any:  # noqa: ANN401 - JSON
        address = f"{self._endpoint.api}{path}"
        return oauth.fetch_json(self._backend, self._registration.label, address, token=token, accept=_ACCEPT)


def _primary(emails: object) -> dict[str, Any]:
    """Return the primary address, as GitHub has it, or nothing."""
    found = [one for one in emails if isinstance(one, dict)] if isinstance(emails, list) else []
    return next((one for one in found if one.get("primary") is True), {})
