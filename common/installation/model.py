"""What site administrators see of an installation, as values. No I/O."""

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class SiteOrganization:
    """An organization in a list; `created_at` in unix milliseconds."""

    login: str
    name: str
    is_personal: bool
    members: int
    stacks: int
    created_at: int


@dataclass(frozen=True, slots=True)
class SiteUser:
    """A person in a list; times in unix milliseconds, `last_used_at` of any token or session of theirs."""

    login: str
    name: str
    email: str
    is_site_admin: bool
    organizations: int
    last_used_at: int | None
    created_at: int


@dataclass(frozen=True, slots=True)
class Counts:
    """How many things an installation has."""

    users: int
    organizations: int
    stacks: int
    unsent_mails: int
    failed_messages: int
    failed_jobs: int


@dataclass(frozen=True, slots=True)
class ServerFacts:
    """What a server works with, in words, and what an operator should look at."""

    database: str
    revision: str
    needed_revision: str
    state: str
    stores: dict[str, str]
    key: str
    api_url: str
    pages_url: str
    has_mail_server: bool
    notices: list[str]
    counts: Counts


class Outcome(StrEnum):
    """How a check of the installation ended."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    NOT_RUN = "not run"
    OFF = "off"


@dataclass(frozen=True, slots=True)
class Report:
    """All checks of the installation, and when they were made, in unix milliseconds."""

    made_at: int
    checks: tuple["Check", ...]

    @property
    def outcome(self) -> Outcome:
        """Return `failed` if a check failed, else `warning` if there is one, else `ok`."""
        outcomes = {check.outcome for check in self.checks}
        return next((worst for worst in (Outcome.FAILED, Outcome.WARNING) if worst in outcomes), Outcome.OK)


@dataclass(frozen=True, slots=True)
class Check:
    """A check of the installation: what it looked at, how it ended, and what an operator should know, a line each."""

    name: str
    outcome: Outcome
    lines: tuple[str, ...]
