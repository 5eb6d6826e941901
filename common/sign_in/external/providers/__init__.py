"""Identity providers of the whole installation: which are set up, and how to talk to each."""

from typing import Protocol

from common.backend import Backend
from common.config.settings import Settings
from common.sign_in.model import Account, Answer, Offer, Provider, Secrets

__all__ = ["Account", "Answer", "Client", "Offer", "Provider", "Secrets", "identity_name", "label_of", "offered", "open_client"]
_NEEDED = {
    Provider.GITHUB: (Settings.github_oauth_id, Settings.github_oauth_secret),
    Provider.GITLAB: (Settings.gitlab_oauth_id, Settings.gitlab_oauth_secret),
    Provider.OIDC: (Settings.oidc_issuer, Settings.oidc_client_id),
}


class Client(Protocol):
    """Speaks with one provider for this installation; its errors are such that a page can show them."""

    def authorize_url(self, secrets: Secrets) -> str:
        """Return where to send a browser; raises Unavailable when the provider does not say where that is."""
        ...

    def fetch_account(self, answer: Answer, secrets: Secrets) -> Account:
        """Return who came back with an answer.

        Raises Unauthorized for an answer that is not good, Forbidden for somebody whom the settings keep out, Unavailable
        when the provider cannot be asked. The code in the answer is used up; a repeat is refused.
        """
        ...


def offered(settings: Settings) -> tuple[Offer, ...]:
    """Return the providers that are set up, in the order of their buttons."""
    return tuple(Offer(key, label_of(settings, key)) for key, needed in _NEEDED.items() if all(map(settings.is_set, needed)))


def label_of(settings: Settings, key: Provider) -> str:
    """Return what people call a provider."""
    return {Provider.GITHUB: "GitHub", Provider.GITLAB: "GitLab", Provider.OIDC: settings.oidc_name}[key]


def identity_name(settings: Settings, key: Provider) -> str:
    """Return what `identities` call a provider as it is set up now."""
    from common.sign_in.external.providers import github, gitlab, oidc  # noqa: PLC0415 - as in open_client

    return {Provider.GITHUB: github.name, Provider.GITLAB: gitlab.name, Provider.OIDC: oidc.name}[key](settings)


def open_client(backend: Backend, key: Provider, redirect_uri: str) -> Client:
    """Return what speaks with a provider, which sends people back to `redirect_uri`."""
    from common.sign_in.external.providers import github, gitlab, oidc  # noqa: PLC0415 - its own parts, which need its names

    clients: dict[Provider, type[github.GitHub | gitlab.GitLab | oidc.OpenID]] = {
        Provider.GITHUB: github.GitHub,
        Provider.GITLAB: gitlab.GitLab,
        Provider.OIDC: oidc.OpenID,
    }
    return clients[key](backend, label_of(backend.settings, key), redirect_uri)
