"""Steps on environments: they join their caller's transaction or connection."""

from collections.abc import Iterable

from sqlalchemy import Connection

from common.backend import Backend
from common.core.clock import unix_millis
from common.core.errors import BackendError, BadRequest, Conflict, Forbidden, NotFound
from common.core.ids import new_id
from common.core.names import is_name
from common.db.faults import unless_taken
from common.environments.language.definition import Definition
from common.environments.language.summary import summarize
from common.environments.model import (
    LATEST,
    Environment,
    EnvironmentPath,
    Reference,
    Revision,
    find_reference,
    is_version,
    missing,
)
from common.environments.repository import environments, revisions
from common.rights.caller import Caller
from common.rights.membership import Membership
from common.rights.org_settings import ENVIRONMENT_LEVELS
from common.rights.permissions import ENVIRONMENT_ADMIN, Permission

_DELETED_PER_LIVE = 10
# Clients show this text, and the command line reads the definition again (esc.md 4.1).
CHANGED = "the environment has changed since it was read"


def find(
    connection: Connection, caller: Caller, membership: Membership, reference: Reference
) -> tuple[Environment | None, frozenset[Permission]]:
    """Return a live environment with the caller's permissions on it; None if it does not exist or is hidden from them."""
    environment = environments.find(
        connection, membership.org_id, reference.project, reference.name, membership.team_ids, reference.version
    )
    permissions = permissions_on(caller, membership, environment) if environment is not None else frozenset[Permission]()
    # A caller without any of these on an environment may not know that it exists.
    return (environment, permissions) if permissions & ENVIRONMENT_ADMIN else (None, frozenset())


def load(
    connection: Connection, caller: Caller, path: EnvironmentPath, *permissions: Permission, version: str = LATEST
) -> Environment:
    """Return an environment on which the caller has all the permissions, with the revision of a version if it exists.

    Raises NotFound if the environment does not exist or is hidden from the caller, and Forbidden without a permission.
    """
    membership = caller.require_member(path.org, missing=missing(path).detail)
    if not (is_name(path.project) and is_name(path.name)):
        raise missing(path)
    # A version that cannot exist is one that does not: the newest revision is read in its place, and not returned.
    known = version if is_version(version) else LATEST
    environment, held = find(connection, caller, membership, Reference(path.project, path.name, known))
    if environment is None:
        raise missing(path)
    for permission in permissions:
        if permission not in held:
            raise caller.refusal(permission, membership)
    return environment


def get(backend: Backend, caller: Caller, path: EnvironmentPath, *permissions: Permission, version: str = LATEST) -> Environment:
    """Return an environment as load does."""
    with backend.db.connect() as connection:
        return load(connection, caller, path, *permissions, version=version)


def require_revision(environment: Environment, version: str = LATEST) -> Revision:
    """Return the revision that was loaded with an environment; NotFound if the version does not exist or was retracted."""
    revision = environment.revision if is_version(version) else None
    if revision is None:
        raise NotFound(f"revision {version[:100]!a} of environment {environment.path.in_org} not found")
    if revision.is_retracted:
        raise NotFound(f"revision {revision.number} of environment {environment.path.in_org} was retracted")
    return revision


def permissions_on(caller: Caller, membership: Membership, environment: Environment) -> frozenset[Permission]:
    """Return the caller's permissions on an environment."""
    return membership.permissions_on_environment(
        environment.entity,
        [grant.level for grant in environment.levels],
        is_owner=environment.owner_id == caller.user_id,
    )


def open_limit_seconds(caller: Caller, membership: Membership, environment: Environment) -> int | None:
    """Return for how long the caller may open an environment, by the most generous of their teams; None without a limit.

    A caller who may open it by a role or as its owner has no limit.
    """
    is_owner = environment.owner_id == caller.user_id
    if Permission.ENVIRONMENT_OPEN in membership.permissions_on_environment(environment.entity, (), is_owner=is_owner):
        return None
    limits = [
        grant.open_limit_seconds for grant in environment.levels if Permission.ENVIRONMENT_OPEN in ENVIRONMENT_LEVELS[grant.level]
    ]
    return None if None in limits else max((limit for limit in limits if limit is not None), default=None)


def require_may_grant(caller: Caller, membership: Membership, environment: Environment) -> None:
    """Raise Forbidden if the caller would make someone an administrator of an environment with rights that they lack."""
    own = permissions_on(caller, membership, environment) | membership.permissions()
    lacking = sorted(ENVIRONMENT_ADMIN - own)
    if lacking:
        shown = ", ".join(lacking[:5])
        raise Forbidden(f"you can only grant permissions that you have on the environment yourself; you lack {shown}")


def require_unchanged(environment: Environment, precondition: str | None) -> None:
    """Raise Conflict unless the precondition of a write is absent, `*`, or the entity tag of the newest revision."""
    if precondition is None or precondition.strip() in ("", "*"):
        return
    wanted = precondition.strip().removeprefix("W/").strip('"')
    if wanted != environment.etag(environment.latest).strip('"'):
        raise changed()


def changed() -> BackendError:
    """Return the error for a write that was made of an older revision."""
    return Conflict(exact=CHANGED)


def add_revision(  # noqa: PLR0917 - what a revision consists of
    tx: Connection,
    backend: Backend,
    environment: Environment,
    definition: bytes,
    references: Iterable[Reference],
    user_id: str,
    change_request_id: str | None = None,
) -> int:
    """Insert the revision after the one that was read, and return its number; Conflict if there is another by now."""
    number, now_millis = environment.latest + 1, unix_millis(backend.clock.now())
    if not environments.advance(tx, environment.id, number, now_millis):
        raise changed()
    revisions.add(tx, environment.id, number, definition, user_id, now_millis, change_request_id)
    revisions.add_references(tx, environment.id, number, references)
    return number


def references_of(definition: Definition | None) -> list[Reference]:
    """Return what a definition imports and refers to."""
    if definition is None:
        return []
    summary = summarize(definition)
    found = (find_reference(name) for name in (*summary.imports, *summary.references))
    return [reference for reference in found if reference is not None]


def new_environment(
    backend: Backend, path: EnvironmentPath, membership: Membership, owner_id: str, *, stack_id: str | None = None
) -> Environment:
    """Return an environment that is not stored yet, with a key of its own."""
    environment_id, now_millis = new_id(), unix_millis(backend.clock.now())
    _plain, wrapped_key = backend.data_keys.new(environment_id, membership.settings.customer_key)
    return Environment(
        id=environment_id,
        org_id=membership.org_id,
        path=path,
        latest=1,
        wrapped_key=wrapped_key,
        deletion_protected=False,
        owner_id=owner_id,
        managed_stack_id=stack_id,
        created_at=now_millis,
        modified_at=now_millis,
    )


def add(  # noqa: PLR0917 - what an environment begins with
    tx: Connection, backend: Backend, environment: Environment, definition: bytes, references: Iterable[Reference], user_id: str
) -> None:
    """Insert an environment with its first revision; Conflict if there is one of that name.

    BadRequest if the organization has as many environments as it may have stacks.
    """
    limit = backend.settings.stacks_per_organization * _DELETED_PER_LIVE
    if environments.count_of_org(tx, environment.org_id) >= limit:
        raise BadRequest(
            f"the organization has {limit:,} environments with those deleted recently, which is the limit"
            " (STACKHOLD_STACKS_PER_ORGANIZATION, STACKHOLD_DELETED_STACK_DAYS)"
        )
    now_millis = unix_millis(backend.clock.now())
    with unless_taken(f"environment {environment.path.in_org} already exists"):
        environments.add(tx, environment, now_millis)
    revisions.add(tx, environment.id, 1, definition, user_id, now_millis)
    revisions.add_references(tx, environment.id, 1, references)
