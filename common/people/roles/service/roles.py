"""Custom roles, permission sets and policies of an organization, and its default role.

A caller who is not an admin may give only permissions that they have, so that a role is no way to more. Every change of an
organization's records holds its lock, since rules about composition concern all records.
"""

from dataclasses import asdict, replace

import msgspec
from sqlalchemy import Connection

from common.access import grants
from common.access import tokens as access
from common.audit import steps as audit
from common.audit.steps import Event
from common.backend import Backend
from common.core.clock import unix_millis
from common.core.errors import BadRequest, Conflict, Forbidden
from common.db.faults import Contention, unless_taken
from common.db.retry import retry
from common.people.orgs.steps import clear_role, get_settings, update_settings
from common.people.roles import steps
from common.people.roles.built_in import built_in_records
from common.people.roles.composition import compose, rewrite_composers
from common.people.roles.model import Holders, NewRecord, Purpose, Record, RoleChange, require_texts
from common.people.roles.repository import holders, roles
from common.people.roles.scopes import scopes_by_bucket
from common.rights.built_in import ADMIN, BY_ID, MEMBER, ROLE_IDS
from common.rights.caller import Caller, missing_org
from common.rights.descriptor import Compose, all_permissions, encode
from common.rights.membership import Membership
from common.rights.org_settings import OrgSettings
from common.rights.permissions import Permission


def list_scopes(caller: Caller, org: str) -> dict[str, dict[str, list[tuple[Permission, str]]]]:
    """Return bucket → group → permissions with their descriptions, to any member of the organization."""
    caller.require_member(org, missing=missing_org(org))
    return scopes_by_bucket()


def list_roles(backend: Backend, caller: Caller, org: str, purpose: Purpose | None) -> list[Record]:
    """Return an organization's records, built-in ones first."""
    membership = steps.require(caller, Permission.ROLE_READ, org)
    with backend.db.connect() as connection:
        custom = roles.find_all(connection, membership.org_id, purpose)
    return steps.mark_default([*built_in_records(membership.org_id, purpose), *custom], membership.settings)


def list_own_roles(backend: Backend, caller: Caller, org: str, purpose: Purpose | None) -> list[Record]:
    """Return the caller's roles in an organization, their own and their teams'."""
    membership = caller.require_member(org, missing=missing_org(org))
    own_id = membership.custom_role_id or ROLE_IDS.get(membership.role)
    with backend.db.connect() as connection:
        of_teams, ids = roles.find_of_teams(connection, membership.org_id, membership.team_ids)
        is_missing = own_id is not None and own_id not in BY_ID and own_id not in ids
        custom = [*of_teams, *roles.find_several(connection, membership.org_id, [own_id])] if own_id and is_missing else of_teams
    built_in = [record for record in built_in_records(membership.org_id) if record.id in {*ids, own_id}]
    records = [record for record in [*built_in, *custom] if purpose in (None, record.purpose)]
    return steps.mark_default(records, membership.settings)


def get_role(backend: Backend, caller: Caller, org: str, role_id: str) -> Record:
    """Return a record; NotFound for an unknown id."""
    membership = steps.require(caller, Permission.ROLE_READ, org)
    with backend.db.connect() as connection:
        return steps.mark_default([steps.get(connection, membership.org_id, role_id)], membership.settings)[0]


def create_role(backend: Backend, caller: Caller, org: str, new: NewRecord, *, with_policy: bool) -> Record:
    """Create a record; `with_policy` puts its rules into a policy of the same name, which the record composes.

    Raises BadRequest for a bad descriptor and over a limit, Conflict for a name that is taken, and Forbidden for a record with
    more permissions than the caller has.
    """
    membership = steps.require(caller, Permission.ROLE_CREATE, org)
    require_texts(new.name, new.description, new.resource_type)
    if with_policy and not new.purpose.is_role:
        raise BadRequest("only a role can be created together with its policy")

    def create() -> Record:
        with backend.db.begin() as tx:
            roles.lock(tx, membership.org_id)
            now_millis = unix_millis(backend.clock.now())
            record = new
            if with_policy:
                policy = steps.create(tx, membership, replace(new, purpose=Purpose.POLICY), now_millis)
                record = replace(new, details=encode(Compose(permission_descriptors=[policy.id])))
            description = f"Made {new.purpose} {new.name!a}"
            audit.record(tx, backend, caller, membership.org_id, Event.ROLE_CREATED, description=description)
            return steps.create(tx, membership, record, now_millis)

    return retry(create)


def update_role(
    backend: Backend, caller: Caller, org: str, role_id: str, change: RoleChange, *, version: int | None = None
) -> Record:
    """Change a record, and the effective rules of all records that compose it; errors as in create_role.

    With `version`, Conflict if the record has another one by now: the change was made from what that version holds.
    """
    membership = steps.require(caller, Permission.ROLE_UPDATE, org)
    require_texts(change.name, change.description)

    def update() -> Record:
        with backend.db.begin() as tx:
            roles.lock(tx, membership.org_id)
            old = _load_custom(tx, membership.org_id, role_id)
            if version is not None and old.version != version:
                raise Conflict("the role was changed by another request; check it and try again")
            changes = {name: value for name, value in asdict(change).items() if value is not None}
            _put(tx, membership, replace(old, **changes), unix_millis(backend.clock.now()), with_rules=change.details is not None)
            description = f"Changed {', '.join(sorted(changes)) or 'nothing'} of {old.purpose} {old.name!a}"
            audit.record(tx, backend, caller, membership.org_id, Event.ROLE_UPDATED, description=description)
            return steps.mark_default([steps.get(tx, membership.org_id, role_id)], membership.settings)[0]

    return retry(update)


def delete_role(backend: Backend, caller: Caller, org: str, role_id: str, *, force: bool) -> None:
    """Delete a record; Conflict while it is in use, unless `force` removes it from its holders.

    With `force` members become plain members, teams and stacks lose the record, its tokens are revoked, and the records that
    compose it keep their other rules.
    """
    membership = steps.require(caller, Permission.ROLE_DELETE, org)

    def delete() -> None:
        with backend.db.begin() as tx:
            roles.lock(tx, membership.org_id)
            record = _load_custom(tx, membership.org_id, role_id)
            roles.lock_record(tx, record.id)
            if record.id == membership.custom_role_id:
                raise Forbidden(
                    f"role {record.name!a} is your own: without it you would be a plain member, so only an admin may delete it"
                )
            holders_text = _count_holders(tx, backend, record).sentence()
            if holders_text and not force:
                raise Conflict(
                    f"role {record.name!a} is in use: {holders_text}; remove it from them first, or delete it with force"
                )
            if holders_text:
                _remove_from_holders(tx, backend, record)
            roles.delete(tx, record.id)
            description = f"Deleted {record.purpose} {record.name!a}" + (f", taken from {holders_text}" if holders_text else "")
            audit.record(tx, backend, caller, membership.org_id, Event.ROLE_DELETED, description=description)

    retry(delete)


def set_default_role(backend: Backend, caller: Caller, org: str, role_id: str) -> None:
    """Set the role that new members of the organization get."""
    membership = steps.require(caller, Permission.ROLE_UPDATE, org)
    steps.require(caller, Permission.ORGANIZATION_UPDATE, org)

    def update() -> None:
        with backend.db.begin() as tx:
            roles.lock(tx, membership.org_id)
            record = steps.get(tx, membership.org_id, role_id)
            if record.purpose is not Purpose.ROLE or record.id == ADMIN.id:
                raise BadRequest(f"{record.name!a} cannot be the role of new members: only roles other than the admin role can")
            if record.id == MEMBER.id:
                membership.require_as_member()
            membership.require_permissions(all_permissions(steps.get_rules(tx, record)))
            update_settings(tx, membership.org_id, lambda old: msgspec.structs.replace(old, default_role_id=record.id))
            description = f"New members get role {record.name!a}"
            audit.record(tx, backend, caller, membership.org_id, Event.SETTINGS_CHANGED, description=description)

    retry(update)


def _put(tx: Connection, membership: Membership, record: Record, now_millis: int, *, with_rules: bool) -> None:
    composition = compose(tx, membership.org_id, record.id, record.details) if with_rules else None
    if composition is not None:
        membership.require_permissions(all_permissions(composition.rules))
        steps.require_space(tx, membership.org_id, record.id, record.details)
    with unless_taken(steps.duplicate_message(record.purpose, record.name)):
        is_stored = roles.replace(tx, record, composition.text if composition is not None else None, now_millis)
    if not is_stored:
        raise Contention(f"role {record.name!a} was changed at the same time; try again")
    if composition is not None:
        roles.replace_references(tx, record.id, composition.composed)
        rewrite_composers(tx, membership.org_id, record.id, composition.rules)


def _count_holders(tx: Connection, backend: Backend, record: Record) -> Holders:
    counts = holders.count(tx, record.org_id, record.id, unix_millis(backend.clock.now()))
    settings = get_settings(tx, record.org_id)
    return replace(counts, is_default=record.id in (settings.default_role_id, settings.default_deployment_role_id))


def _remove_from_holders(tx: Connection, backend: Backend, record: Record) -> None:
    clear_role(tx, record.org_id, record.id)
    access.revoke_tokens_of_role(tx, record.id, backend.clock.now())
    grants.delete_of_set(tx, record.id)
    rewrite_composers(tx, record.org_id, record.id, None)
    update_settings(tx, record.org_id, lambda old: _without(old, record.id))


def _without(settings: OrgSettings, role_id: str) -> OrgSettings:
    names = [name for name in ("default_role_id", "default_deployment_role_id") if getattr(settings, name) == role_id]
    return msgspec.structs.replace(settings, **dict.fromkeys(names, ""))


def _load_custom(tx: Connection, org_id: str, role_id: str) -> Record:
    record = steps.get(tx, org_id, role_id)
    if record.is_built_in:
        raise BadRequest(f"{record.name!a} is built in and cannot be changed or deleted")
    return record
