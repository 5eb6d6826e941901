"""Identity providers of the installation: which are set up, and a client for each."""

from typing import Protocol

from common.backend import Backend
from common.config.settings import Settings
from common.sign_in.model import Account, AuthorizationResponse, Offer, Provider, Secrets

_NEEDED = {
    Provider.GITHUB: (Settings.github_oauth_id, Settings.github_oauth_secret),
    Provider.GITLAB: (Settings.gitlab_oauth_id, Settings.gitlab_oauth_secret),
    Provider.OIDC: (Settings.oidc_issuer, Settings.oidc_client_id),
}


class Client(Protocol):
    """The client of one provider; a page can show its errors."""

    def authorize_url(self, secrets: Secrets) -> str:
        """Return the address to send a browser to; raises Unavailable if the provider does not publish it."""
        ...

    def fetch_account(self, response: AuthorizationResponse, secrets: Secrets) -> Account:
        """Return the account of the person who came back.

        Raises Unauthorized for a response that is not valid, Forbidden for a person who may not sign in by the settings,
        Unavailable if the provider cannot be reached. The code in the response is used up; a repeat is refused.
        """
        ...


def list_offers(settings: Settings) -> tuple[Offer, ...]:
    """Return the providers that are set up, in the order of their buttons."""
    return tuple(Offer(key, label_of(settings, key)) for key, needed in _NEEDED.items() if all(map(settings.is_set, needed)))


def label_of(settings: Settings, key: Provider) -> str:
    """Return the name of a provider on pages."""
    return {Provider.GITHUB: "GitHub", Provider.GITLAB: "GitLab", Provider.OIDC: settings.oidc_name}[key]


def labels_of(settings: Settings) -> dict[str, str]:
    """Return the names on pages of the providers that are set up, by their names in `identities`."""
    return {identity_name(settings, offer.key): offer.label for offer in list_offers(settings)}


def identity_name(settings: Settings, key: Provider) -> str:
    """Return the name in `identities` of a provider with the present settings."""
    from common.sign_in.external.providers import github, gitlab, oidc  # noqa: PLC0415 - they import this module

    return {Provider.GITHUB: github.name, Provider.GITLAB: gitlab.name, Provider.OIDC: oidc.name}[key](settings)


def open_client(backend: Backend, key: Provider, redirect_uri: str) -> Client:
    """Return the client of a provider, which sends people back to `redirect_uri`."""
    from common.sign_in.external.providers import github, gitlab, oidc  # noqa: PLC0415 - they import this module

    clients: dict[Provider, type[github.GitHub | gitlab.GitLab | oidc.OpenID]] = {
        Provider.GITHUB: github.GitHub,
        Provider.GITLAB: gitlab.GitLab,
        Provider.OIDC: oidc.OpenID,
    }
    return clients[key](backend, label_of(backend.settings, key), redirect_uri)
