"""Use cases for what people see of environments in a browser: lists with search, an environment at a glance, its access."""

from dataclasses import dataclass

from common.audit import steps as audit
from common.audit.steps import Event
from common.backend import Backend
from common.environments import steps
from common.environments.evaluation import InvalidDefinition
from common.environments.language import evaluate
from common.environments.language.summary import Summary, summarize
from common.environments.language.syntax.diagnostic import Diagnostic
from common.environments.model import (
    LATEST,
    Environment,
    EnvironmentFilter,
    EnvironmentPath,
    ListedEnvironment,
    Reference,
    Referrer,
    Revision,
    RevisionEntry,
)
from common.environments.preparation import prepare
from common.environments.repository import environments, listing, owners, revisions, summaries
from common.environments.repository.environments import TeamAccess
from common.environments.service.listing import scope_of
from common.people.users.model import Person
from common.rights.caller import Caller, missing_org
from common.rights.permissions import Permission

REFERRERS_LIMIT = 100


@dataclass(frozen=True, slots=True)
class SummaryPage:
    """A page of environments; `projects` are those with matches and how many each has, `total` is of the chosen project."""

    environments: list[ListedEnvironment]
    total: int
    projects: list[tuple[str, int]]


@dataclass(frozen=True, slots=True)
class Viewed:
    """An environment with the caller's permissions on it, and the revision that was asked for."""

    environment: Environment
    permissions: frozenset[Permission]

    @property
    def path(self) -> EnvironmentPath:
        """Return the environment's name."""
        return self.environment.path


@dataclass(frozen=True, slots=True)
class Overview:
    """An environment at a glance. `imports` are what its newest revision imports and refers to.

    `managed_by` is the stack that it belongs to, as `org/project/stack`, or empty.
    """

    viewed: Viewed
    revision: Revision
    entry: RevisionEntry
    owner: Person
    managed_by: str
    imports: list[Reference]
    referrers: list[Referrer]


@dataclass(frozen=True, slots=True)
class Access:
    """Who was given what on an environment."""

    viewed: Viewed
    owner: Person
    teams: list[TeamAccess]


def page_summaries(
    backend: Backend, caller: Caller, org: str, narrowed: EnvironmentFilter, *, size: int, number: int
) -> SummaryPage:
    """Return a page of the environments of an organization that the caller can see; pages are numbered from 1."""
    membership = caller.require_member(org, missing=missing_org(org))
    scope = scope_of(caller, membership)
    with backend.db.connect() as connection:
        words = summaries.find_words(connection, narrowed.text)
        projects = summaries.count_by_project(connection, scope, narrowed, words)
        counts = [(project, count) for project, count in projects if narrowed.project in ("", project)]
        rows = summaries.page(connection, scope, narrowed, words, counts, limit=size, offset=size * (number - 1))
    return SummaryPage(rows, sum(count for _, count in counts), projects)


def view(backend: Backend, caller: Caller, path: EnvironmentPath, *permissions: Permission, version: str = LATEST) -> Viewed:
    """Return an environment for a page about it. Its definition is for `get_overview` and others, which record who reads it."""
    environment = steps.get(backend, caller, path, *permissions, version=version)
    return viewed_by(caller, environment)


def get_overview(backend: Backend, caller: Caller, path: EnvironmentPath) -> Overview:
    """Return what people see of an environment; the audit log records that its definition was read."""
    with backend.db.connect() as connection:
        environment = steps.load(connection, caller, path, Permission.ENVIRONMENT_READ)
        revision = steps.require_revision(environment)
        membership = caller.require_member(path.org, missing=missing_org(path.org))
        entry, owner, stack = revisions.get_newest(connection, environment)
        target, first = Reference(path.project, path.name), ("", "", 0, "")
        scope = scope_of(caller, membership)
        referrers = listing.page_referrers(connection, scope, target, first, REFERRERS_LIMIT, newest_only=True)
    description = f"Read revision {revision.number} of environment {environment.path}"
    audit.record_alone(backend, caller, environment.org_id, Event.ENVIRONMENT_READ, description=description)
    definition, _ = evaluate.load(path.in_org, revision.definition)
    return Overview(viewed_by(caller, environment), revision, entry, owner, stack, steps.references_of(definition), referrers)


def get_access(backend: Backend, caller: Caller, path: EnvironmentPath) -> Access:
    """Return the teams that were given something on an environment, and its owner."""
    with backend.db.connect() as connection:
        environment = steps.load(connection, caller, path, Permission.ENVIRONMENT_ACCESS_READ)
        owner = owners.find_person(connection, environment.owner_id)
        teams = environments.list_team_access(connection, environment)
    return Access(viewed_by(caller, environment), owner, teams)


def check_definition(backend: Backend, caller: Caller, path: EnvironmentPath, text: bytes) -> list[Diagnostic]:
    """Return what is wrong with a definition that someone is writing, as a save would find it. Nothing is stored."""
    environment = steps.get(backend, caller, path, Permission.ENVIRONMENT_WRITE)
    try:
        checked, _ = prepare(backend, caller, environment, text)
    except InvalidDefinition as error:
        return error.diagnostics
    return checked.warnings


def summary_of(environment: Environment) -> Summary:
    """Return which functions, rotators and environments the definition of a revision that was loaded uses."""
    revision = steps.require_revision(environment)
    definition, _ = evaluate.load(environment.path.in_org, revision.definition)
    return summarize(definition) if definition is not None else Summary({}, [], [], [], [])


def viewed_by(caller: Caller, environment: Environment) -> Viewed:
    """Return an environment that a caller may see, with their permissions on it."""
    membership = caller.require_member(environment.path.org, missing=missing_org(environment.path.org))
    return Viewed(environment, steps.permissions_on(caller, membership, environment))
