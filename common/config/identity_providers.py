"""What the settings say about identity providers: where each one is, and which groups lead into which organizations.

Nothing is called; an impossible setting is found at the start, not at the first sign-in.
"""

from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from common.config.settings import Settings
from common.core.errors import StartUpError
from common.core.names import is_name

GROUP_TEAMS = Settings.oidc_group_teams
GROUP_TEAMS_LIMIT = 500
LONGEST_SHOWN = 100
_PAIRS = (
    (Settings.github_oauth_id, Settings.github_oauth_secret),
    (Settings.gitlab_oauth_id, Settings.gitlab_oauth_secret),
    (Settings.oidc_issuer, Settings.oidc_client_id),
)
_ENTERPRISE_PATH = "/api/v3"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A provider's addresses, without a slash at the end; `is_own` tells the operator's own server from the public one."""

    web: str
    api: str
    is_own: bool


@dataclass(frozen=True, slots=True)
class GroupTeam:
    """A group of the provider whose people belong to an organization, and to a team of it unless that is None."""

    group: str
    org: str
    team: str | None


def github(settings: Settings) -> Endpoint:
    """Return where GitHub is: an enterprise server has its API below its own address, the public one at a host of its own."""
    api = settings.github_oauth_endpoint.rstrip("/")
    parts = urlsplit(api)
    if api.endswith(_ENTERPRISE_PATH):
        return Endpoint(api.removesuffix(_ENTERPRISE_PATH), api, is_own=True)
    web = f"{parts.scheme}://{parts.netloc.removeprefix('api.')}{parts.path}"
    return Endpoint(web, api, is_own=parts.hostname != "api.github.com")


def gitlab(settings: Settings) -> Endpoint:
    """Return where GitLab is."""
    web = settings.gitlab_oauth_endpoint.rstrip("/")
    return Endpoint(web, f"{web}/api/v4", is_own=urlsplit(web).hostname != "gitlab.com")


def group_teams(settings: Settings) -> tuple[GroupTeam, ...]:
    """Return which groups lead where; StartUpError names an invalid entry."""
    entries = listed(settings.oidc_group_teams)
    if len(entries) > GROUP_TEAMS_LIMIT:
        raise StartUpError(f"{GROUP_TEAMS} has {len(entries)} entries; the limit is {GROUP_TEAMS_LIMIT}")
    return tuple(map(_group_team, entries))


def listed(text: str) -> tuple[str, ...]:
    """Return the parts of a setting with commas, without spaces around them."""
    return tuple(part.strip() for part in text.split(",") if part.strip())


def require_providers(settings: Settings) -> None:
    """Raise StartUpError for a provider that lacks a setting, an invalid address, and an invalid entry of groups."""
    for pair in _PAIRS:
        missing = [setting for setting in pair if not settings.is_set(setting)]
        if len(missing) == 1:
            present = next(setting for setting in pair if setting not in missing)
            raise StartUpError(f"{missing[0]} must be set with {present}")
    for setting in (Settings.github_oauth_endpoint, Settings.gitlab_oauth_endpoint, Settings.oidc_issuer):
        if settings.get(setting) and not _is_address(settings.get(setting)):
            raise StartUpError(f"{setting} must be an address like https://id.example.com, without a query")
    for setting in (Settings.github_oauth_secret, Settings.gitlab_oauth_secret, Settings.oidc_client_secret):
        if not settings.get(setting).isascii():
            raise StartUpError(f"{setting} may contain only ASCII characters")
    if settings.is_set(Settings.oidc_issuer) and "openid" not in settings.oidc_scopes.split():
        raise StartUpError("STACKHOLD_OIDC_SCOPES must include openid")
    group_teams(settings)


def _group_team(entry: str) -> GroupTeam:
    # The last equals sign counts: a group's name may have some.
    group, _, place = entry.rpartition("=")
    org, slash, team = place.partition("/")
    if not group.strip() or not is_name(org) or (slash and not is_name(team)):
        shown = ascii(entry) if len(entry) <= LONGEST_SHOWN else "an entry"
        raise StartUpError(f"{GROUP_TEAMS}: {shown} is not of the form group=organization or group=organization/team")
    return GroupTeam(group.strip(), org, team if slash else None)


def _is_address(text: str) -> bool:
    try:
        parts: SplitResult = urlsplit(text)
        port_is_good = parts.port is None or parts.port > 0
    except ValueError:
        return False
    is_clean = not parts.query and not parts.fragment and parts.username is None and text.isprintable() and " " not in text
    return parts.scheme in ("http", "https") and bool(parts.hostname) and port_is_good and is_clean
