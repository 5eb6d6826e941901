"""What the settings say about identity providers: where each one is, and which groups lead into which organizations.

Nothing is called; a setting that cannot be is found at the start, before somebody stands before a closed door.
"""

from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from common.config.settings import Settings
from common.core.errors import StartUpError
from common.core.names import is_name

GROUP_TEAMS = "STACKHOLD_OIDC_GROUP_TEAMS"
GROUP_TEAMS_LIMIT = 500
LONGEST_SHOWN = 100
_GITHUB, _GITLAB, _OIDC = "GITHUB_OAUTH_ENDPOINT", "GITLAB_OAUTH_ENDPOINT", "STACKHOLD_OIDC_ISSUER"
_PAIRS = (
    ("GITHUB_OAUTH_ID", "GITHUB_OAUTH_SECRET"),
    ("GITLAB_OAUTH_ID", "GITLAB_OAUTH_SECRET"),
    (_OIDC, "STACKHOLD_OIDC_CLIENT_ID"),
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
    api = settings.text(_GITHUB).rstrip("/")
    parts = urlsplit(api)
    if api.endswith(_ENTERPRISE_PATH):
        return Endpoint(api.removesuffix(_ENTERPRISE_PATH), api, is_own=True)
    web = f"{parts.scheme}://{parts.netloc.removeprefix('api.')}{parts.path}"
    return Endpoint(web, api, is_own=parts.hostname != "api.github.com")


def gitlab(settings: Settings) -> Endpoint:
    """Return where GitLab is."""
    web = settings.text(_GITLAB).rstrip("/")
    return Endpoint(web, f"{web}/api/v4", is_own=urlsplit(web).hostname != "gitlab.com")


def group_teams(settings: Settings) -> tuple[GroupTeam, ...]:
    """Return which groups lead where; raises StartUpError with the entry that is none."""
    entries = listed(settings.text(GROUP_TEAMS))
    if len(entries) > GROUP_TEAMS_LIMIT:
        raise StartUpError(f"{GROUP_TEAMS} has {len(entries)} entries; {GROUP_TEAMS_LIMIT} are the most")
    return tuple(map(_group_team, entries))


def listed(text: str) -> tuple[str, ...]:
    """Return the parts of a setting with commas, without spaces around them."""
    return tuple(part.strip() for part in text.split(",") if part.strip())


def require_providers(settings: Settings) -> None:
    """Raise StartUpError for a provider that is set up by half, an address that is none, and a bad entry of groups."""
    for names in _PAIRS:
        missing = [name for name in names if not settings.is_set(name)]
        if len(missing) == 1:
            given = next(name for name in names if name not in missing)
            raise StartUpError(f"{missing[0]} must be set with {given}")
    for name in (_GITHUB, _GITLAB, _OIDC):
        if settings.text(name) and not _is_address(settings.text(name)):
            raise StartUpError(f"{name} must be an address like https://id.example.com, without a query")
    for name in ("GITHUB_OAUTH_SECRET", "GITLAB_OAUTH_SECRET", "STACKHOLD_OIDC_CLIENT_SECRET"):
        if not settings.text(name).isascii():
            raise StartUpError(f"{name} may have ASCII characters only")
    if settings.is_set(_OIDC) and "openid" not in settings.text("STACKHOLD_OIDC_SCOPES").split():
        raise StartUpError("STACKHOLD_OIDC_SCOPES must have openid among them")
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
