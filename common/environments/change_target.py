"""Environments as targets of change requests: how a request for one is seen, approved and applied."""

from collections.abc import Mapping, Sequence
from urllib.parse import quote

import msgspec
from sqlalchemy import Connection

from common.access.member_rights import MemberRights
from common.approvals.model import Action, ChangeRequest, Revision
from common.approvals.targets import Change, Condition, Target, TargetId
from common.audit import steps as audit
from common.audit.steps import Event
from common.backend import Backend
from common.core.clock import unix_millis
from common.core.errors import Conflict
from common.core.names import is_name
from common.environments import events, steps
from common.environments.events import EventName
from common.environments.gates import ENTITY_TYPE
from common.environments.model import Environment, EnvironmentPath, Reference
from common.environments.preparation import prepare
from common.environments.repository import environments, open_grants
from common.environments.repository.open_grants import OpenGrant
from common.environments.repository.visibility import Scope, is_one_of
from common.rights.caller import Caller
from common.rights.membership import Membership
from common.rights.permissions import Permission

_PERMISSIONS = {Action.UPDATE: Permission.ENVIRONMENT_WRITE, Action.OPEN: Permission.ENVIRONMENT_OPEN}
_LEVELS = ("read", "open", "write", "admin")


class OpenTerms(msgspec.Struct, frozen=True):
    """The content of an open request: until when a grant must be used, from when it is applied, and for how long it lasts."""

    grant_expiration_seconds: int
    access_duration_seconds: int


class EnvironmentKind:
    """The adapter of environments; see `common.approvals.targets`."""

    entity_type = ENTITY_TYPE
    reading = Permission.ENVIRONMENT_READ

    @property
    def permissions(self) -> Mapping[Action, Permission]:
        """Return what each action needs."""
        return _PERMISSIONS

    def find(self, connection: Connection, caller: Caller, membership: Membership, qualified_name: str) -> Target | None:
        """Return an environment by `project/name`, or None."""
        reference = _reference(qualified_name)
        if reference is None:
            return None
        environment, permissions = steps.find(connection, caller, membership, reference)
        return Target(environment.id, qualified_name, permissions) if environment is not None else None

    def permissions_of(
        self, connection: Connection, members: Sequence[MemberRights], qualified_name: str
    ) -> Mapping[str, frozenset[Permission]]:
        """Return the permissions of other members on an environment, by their ids."""
        reference = _reference(qualified_name)
        if reference is None or not members:
            return {}
        team_ids = sorted({team_id for rights in members for team_id in rights.membership.team_ids})
        org_id = members[0].membership.org_id
        environment = environments.find(connection, org_id, reference.project, reference.name, team_ids)
        return {rights.user_id: _permissions_on(environment, rights) for rights in members} if environment is not None else {}

    def visible(self, caller: Caller, membership: Membership, target_id: TargetId) -> Condition:
        """Return the condition that the environment of a row exists and can be read by the caller."""
        predicate = membership.where_environments(frozenset({self.reading}))
        scope = Scope(membership.org_id, predicate, caller.user_id, membership.team_ids)
        return is_one_of(target_id, scope, _LEVELS)

    def path(self, org: str, qualified_name: str) -> str:
        """Return the path of an environment's page (additions.md 3)."""
        return f"/{quote(org)}/esc/{quote(qualified_name)}"

    def prepare(self, backend: Backend, caller: Caller, request: ChangeRequest, revision: Revision) -> Change:
        """Return what saves a draft as the next revision, or grants an open request.

        Conflict for a draft of an older revision; InvalidDefinition if the definition has errors by now.
        """
        return _grant(backend, request, revision) if request.action is Action.OPEN else _save(backend, caller, request, revision)


def content_of(terms: OpenTerms) -> bytes:
    """Return the content of an open request."""
    return msgspec.json.encode(terms)


def terms_of(revision: Revision) -> OpenTerms:
    """Return the terms of an open request."""
    return msgspec.json.decode(revision.content, type=OpenTerms)


def _permissions_on(environment: Environment, rights: MemberRights) -> frozenset[Permission]:
    membership = rights.membership
    levels = [grant.level for grant in environment.levels if grant.team_id in membership.team_ids]
    return membership.permissions_on_environment(environment.entity, levels, is_owner=environment.owner_id == rights.user_id)


def _save(backend: Backend, caller: Caller, request: ChangeRequest, revision: Revision) -> Change:
    membership = next(one for one in caller.memberships if one.org_id == request.org_id)
    project, _, name = request.qualified_name.partition("/")
    environment = steps.get(backend, caller, EnvironmentPath(membership.login, project, name), Permission.ENVIRONMENT_WRITE)
    if revision.base != environment.latest:
        raise Conflict(
            f"environment {request.qualified_name} has changed since the draft was made, which is based on revision"
            f" {revision.base}; rebase the draft onto revision {environment.latest}"
        )
    checked, stored = prepare(backend, caller, environment, revision.content)
    references = steps.references_of(checked.definition)

    def save(tx: Connection) -> str:
        number = steps.add_revision(tx, backend, environment, stored, references, caller.user_id, request.id)
        description = f"Saved revision {number} of environment {environment.path}"
        audit.record(tx, backend, caller, environment.org_id, Event.ENVIRONMENT_UPDATED, description=description)
        events.queue(tx, backend, caller, environment, EventName.REVISION_CREATED, revision=number)
        return description

    return save


def _grant(backend: Backend, request: ChangeRequest, revision: Revision) -> Change:
    terms = terms_of(revision)

    def grant(tx: Connection) -> str:
        now_millis = unix_millis(backend.clock.now())
        expires_at = now_millis + terms.grant_expiration_seconds * 1000
        row = OpenGrant(request.id, request.target_id, request.creator.id, terms.access_duration_seconds, expires_at)
        open_grants.add(tx, row, now_millis)
        return f"Allowed {request.creator.login} to open environment {request.qualified_name}"

    return grant


def _reference(qualified_name: str) -> Reference | None:
    project, _, name = qualified_name.partition("/")
    return Reference(project, name) if is_name(project) and is_name(name) else None
