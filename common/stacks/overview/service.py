"""What people see of stacks: lists that are searched, filtered and sorted, a page at a time."""

from base64 import b64decode
from dataclasses import dataclass, replace
from typing import Any

from common.audit import steps as audit
from common.audit.events import Event
from common.backend import Backend
from common.core.clock import unix_millis
from common.core.errors import BackendError, BadRequest, NotFound
from common.core.paging import make_token, read_token, seal
from common.core.usage import Granularity, Period, get_start, sum_up
from common.crypto.envelope import Envelope
from common.crypto.owner_keys import open_envelope
from common.rights.caller import Caller, missing_org
from common.rights.membership import Membership
from common.rights.permissions import Permission
from common.stacks.engine import document
from common.stacks.model import Stack, StackPath, Status
from common.stacks.overview import events, values
from common.stacks.overview.facts import change_counts
from common.stacks.overview.report import Report, add
from common.stacks.overview.values import Value
from common.stacks.repository import events as event_rows
from common.stacks.repository import ownership, packages, sharing, usage
from common.stacks.repository import summaries as repository
from common.stacks.repository.packages import StackPackages
from common.stacks.repository.sharing import Collaborator, TeamGrant
from common.stacks.repository.summaries import DriftedStack, StackFilter, StackSummary
from common.stacks.steps import LISTABLE, get_stack, load_stack
from common.stacks.updates import programs, stored_state
from common.stacks.updates.finishing import get_current_stack
from common.stacks.updates.model import HistoryEntry
from common.stacks.updates.steps import find_newest_entry

__all__ = [
    "PackageUsage",
    "StackFilter",
    "StackPackages",
    "StackSummary",
    "SummaryPage",
    "find_mark",
    "get_access",
    "get_home",
    "get_overview",
    "get_package_usage",
    "get_report",
    "get_resource_usage",
    "list_projects",
    "page_summaries",
    "reveal_output",
    "search_stacks",
]

_PROJECTS_LIMIT = 500
_USAGE_LIMIT = 1_000
# Most refreshes find nothing, and only the counts of their clients tell.
_DRIFT_LIMIT = 200


@dataclass(frozen=True, slots=True)
class SummaryPage:
    """A page of stacks; `total` is how many there are on all pages, `projects` are all that the caller may filter by."""

    membership: Membership
    stacks: list[StackSummary]
    total: int
    projects: list[tuple[str, int]]


def page_summaries(backend: Backend, caller: Caller, org: str, narrowed: StackFilter, *, size: int, number: int) -> SummaryPage:
    """Return a page of the stacks of an organization that the caller may see; pages are numbered from 1."""
    membership = caller.require_member(org, missing=missing_org(org))
    scope = caller.stack_scope(membership, LISTABLE)
    with backend.db.connect() as connection:
        stacks = repository.page(connection, scope, narrowed, limit=size, offset=size * (number - 1))
        total = repository.count(connection, scope, narrowed)
        projects = repository.find_projects(connection, scope, _PROJECTS_LIMIT)
    return SummaryPage(membership, stacks, total, projects)


def search_stacks(
    backend: Backend, caller: Caller, org: str, narrowed: StackFilter, *, offset: int, limit: int
) -> tuple[list[StackSummary], int]:
    """Return rows of the stacks of an organization that the caller may see, from an offset on, and how many there are."""
    membership = caller.require_member(org, missing=missing_org(org))
    scope = caller.stack_scope(membership, LISTABLE)
    with backend.db.connect() as connection:
        rows = repository.page(connection, scope, narrowed, limit=limit, offset=offset)
        return rows, repository.count(connection, scope, narrowed)


def list_projects(backend: Backend, caller: Caller, org: str) -> list[tuple[str, int]]:
    """Return the projects of an organization with the number of their stacks that the caller may see, by name."""
    membership = caller.require_member(org, missing=missing_org(org))
    with backend.db.connect() as connection:
        return repository.find_projects(connection, caller.stack_scope(membership, LISTABLE), _PROJECTS_LIMIT)


def get_resource_usage(
    backend: Backend, caller: Caller, org: str, granularity: Granularity, *, days: int | None, start_seconds: int | None
) -> list[Period]:
    """Return how many resources an organization had, since some days ago or a moment in unix seconds; nothing if it had none.

    BadRequest unless exactly one of the two is there, and for more periods than there can be.
    """
    membership = caller.require(Permission.ORGANIZATION_READ_USAGE, org, missing=missing_org(org))
    now = backend.clock.now()
    start = get_start(now, granularity, days=days, start_seconds=start_seconds)
    with backend.db.connect() as connection:
        counts = usage.find_counts(connection, membership.org_id, unix_millis(start))
    return sum_up(counts, start, now, granularity)


@dataclass(frozen=True, slots=True)
class PackageUsage:
    """A page of the stacks that use a package, how many there are on all pages, and the token of the next page or None."""

    stacks: list[StackPackages]
    total: int
    next_token: str | None


def get_package_usage(  # noqa: PLR0917 - what a request narrows
    backend: Backend, caller: Caller, org: str, package: str, version: str, token: str | None, limit: int
) -> PackageUsage:
    """Return a page of the stacks that the caller may see whose newest state uses a package, with what they use of it.

    A version narrows them to that one; an empty text narrows nothing. BadRequest without a package, and for a bad token.
    """
    membership = caller.require_member(org, missing=missing_org(org))
    if not package:
        raise BadRequest("give the name of a package as `packageName`")
    sealed = seal(caller.user_id, "packages", org, package, version)
    after = read_token(token, sealed, 2) if token else ("", "")
    with backend.db.connect() as connection:
        rows = packages.list_stacks(connection, caller.stack_scope(membership, LISTABLE), package)
    users = [narrowed for row in rows if (narrowed := row.narrow(package, version)).packages]
    size = min(limit, _USAGE_LIMIT)
    rest = [stack for stack in users if (stack.project, stack.name) > after]
    last = rest[size - 1] if len(rest) > size else None
    return PackageUsage(rest[:size], len(users), make_token(sealed, last.project, last.name) if last is not None else None)


@dataclass(frozen=True, slots=True)
class OrganizationHome:
    """What is going on in an organization: stacks that changed last, that failed, that an update holds, that have drifted."""

    membership: Membership
    recent: list[StackSummary]
    failed: list[StackSummary]
    running: list[StackSummary]
    drifted: list[DriftedStack]


def get_home(backend: Backend, caller: Caller, org: str, *, size: int) -> OrganizationHome:
    """Return what is going on among the stacks of an organization that the caller may see, newest first."""
    membership = caller.require_member(org, missing=missing_org(org))
    scope = caller.stack_scope(membership, LISTABLE)
    failed = StackFilter(status=Status.FAILED, by_update=True)
    running = StackFilter(status=Status.RUNNING, by_update=True)
    with backend.db.connect() as connection:
        return OrganizationHome(
            membership,
            repository.page(connection, scope, StackFilter(by_update=True), limit=size, offset=0),
            repository.page(connection, scope, failed, limit=size, offset=0),
            repository.page(connection, scope, running, limit=size, offset=0),
            [stack for stack in repository.list_drifted(connection, scope, _DRIFT_LIMIT) if _has_changes(stack)][:size],
        )


def _has_changes(stack: DriftedStack) -> bool:
    counts = change_counts(stack.changes)
    return any(count for name, count in counts.items() if name != "same")


@dataclass(frozen=True, slots=True)
class StackOverview:
    """A stack at a glance: its newest update, its outputs with encrypted secrets, and its owner's login."""

    stack: Stack
    entry: HistoryEntry | None
    outputs: dict[str, Any]
    owner: str


def get_overview(backend: Backend, caller: Caller, path: StackPath) -> StackOverview:
    """Return what people see of a stack, also under a name that it had before.

    The audit log has no record of it, since the secrets in the outputs stay encrypted; `reveal_output` records.
    """
    try:
        stack = get_current_stack(backend, caller, path, Permission.STACK_READ)
    except NotFound:
        renamed = get_stack(backend, caller, path, Permission.STACK_READ, former_names=True)
        stack = get_current_stack(backend, caller, renamed.path, Permission.STACK_READ)
    with backend.db.connect() as connection:
        entry = find_newest_entry(connection, stack.id)
        owner = ownership.find_person(connection, stack.created_by).login
    if entry is not None:
        (entry,) = programs.load_all(backend, stack.id, [entry])
    text = document.outputs(stored_state.current_text(backend, stack))[0] if stack.latest.checkpoint else None
    return StackOverview(stack, entry, values.read_object(text), owner)


@dataclass(frozen=True, slots=True)
class StackAccess:
    """Who was given what on a stack; `owner` is a login, empty if the owner has left."""

    stack: Stack
    teams: list[TeamGrant]
    collaborators: list[Collaborator]
    owner: str


def get_access(backend: Backend, caller: Caller, path: StackPath) -> StackAccess:
    """Return the teams and people that were given something on a stack, and its owner."""
    with backend.db.connect() as connection:
        stack = load_stack(connection, caller, path, Permission.STACK_ACCESS_READ)
        teams = sharing.find_teams(connection, stack.id)
        collaborators = sharing.find_collaborators(connection, stack.id)
        return StackAccess(stack, teams, collaborators, ownership.find_person(connection, stack.created_by).login)


def find_mark(backend: Backend, update_id: str) -> str:
    """Return a text that is another after each event of an update; the caller's permission was checked with the update."""
    with backend.db.connect() as connection:
        status, count, last = event_rows.find_mark(connection, update_id)
    return f"{update_id}-{status.replace(' ', '-')}-{count}-{last}"


def get_report(backend: Backend, update_id: str) -> Report:
    """Return what the events of an update tell; the caller's permission was checked with the update."""
    mark = find_mark(backend, update_id)
    with backend.db.connect() as connection:
        batches = event_rows.find_batches(connection, update_id)
    report = Report(mark)
    report_events, report.is_cut = events.read(backend, update_id, batches)
    add(report, report_events)
    return report


def reveal_output(backend: Backend, caller: Caller, path: StackPath, name: str) -> Value:
    """Return an output of a stack with its secrets in clear, and record in the audit log that the caller saw it.

    Raises Forbidden without the permission to decrypt, NotFound for an output that the stack does not have, and BadRequest
    where the secrets are not encrypted by this server.
    """
    stack = get_current_stack(backend, caller, path, Permission.STACK_DECRYPT)
    text, _providers = document.outputs(stored_state.current_text(backend, stack)) if stack.latest.checkpoint else (None, None)
    outputs = values.read_object(text)
    if name not in outputs:
        raise NotFound(f"stack '{path}' has no output {name[:100]!a}")
    envelope = open_envelope(backend, stack.id, stack.wrapped_key)
    plaintexts = {sealed: _open(envelope, sealed, stack) for sealed in values.ciphertexts(outputs[name])}
    description = f"Output {name[:200]} of stack {stack.path}"
    audit.record_alone(backend, caller, stack.org_id, Event.SECRET_DECRYPTED, description=description)
    value = values.opened(outputs[name], plaintexts)
    return replace(values.show(name, value), is_secret=True)


def _open(envelope: Envelope, sealed: str, stack: Stack) -> str:
    try:
        return envelope.open(b64decode(sealed, validate=True)).decode()
    except (BackendError, ValueError) as error:
        raise BadRequest(
            f"this server cannot decrypt it: the secrets of stack '{stack.path}' belong to another provider"
        ) from error
