"""Identity providers of the whole installation: which are set up, and what each of their modules does with a sign-in."""

from dataclasses import dataclass
from enum import StrEnum

from common.settings import Settings


class Provider(StrEnum):
    """A provider, by its place in the addresses of sign-in pages."""

    GITHUB = "github"
    GITLAB = "gitlab"
    OIDC = "oidc"


@dataclass(frozen=True, slots=True)
class Offer:
    """A provider that people can sign in with; `label` is its name on a button."""

    key: Provider
    label: str


_NEEDED = {
    Provider.GITHUB: ("GITHUB_OAUTH_ID", "GITHUB_OAUTH_SECRET"),
    Provider.GITLAB: ("GITLAB_OAUTH_ID", "GITLAB_OAUTH_SECRET"),
    Provider.OIDC: ("STACKHOLD_OIDC_ISSUER", "STACKHOLD_OIDC_CLIENT_ID"),
}


def offered(settings: Settings) -> tuple[Offer, ...]:
    """Return the providers that are set up, in the order of their buttons."""
    labels = {
        Provider.GITHUB: "GitHub",
        Provider.GITLAB: "GitLab",
        Provider.OIDC: settings.text("STACKHOLD_OIDC_NAME"),
    }
    return tuple(Offer(key, labels[key]) for key, names in _NEEDED.items() if all(map(settings.is_set, names)))
