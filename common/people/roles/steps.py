"""Steps on roles: they join their caller's transaction."""

from collections.abc import Iterable
from dataclasses import replace

from sqlalchemy import Connection

from common.core.errors import BadRequest, NotFound
from common.core.ids import is_id, new_id
from common.db.faults import unless_taken
from common.people.roles.built_in import find_built_in
from common.people.roles.composition import compose
from common.people.roles.model import DETAILS_LIMIT_BYTES, RECORD_LIMIT, NewRecord, Purpose, Record
from common.people.roles.repository import holders, roles
from common.rights.built_in import BY_ID, MEMBER
from common.rights.caller import Caller, missing_org
from common.rights.descriptor import Descriptor, all_permissions
from common.rights.membership import Membership
from common.rights.org_settings import OrgSettings
from common.rights.permissions import Permission
from common.rights.rules import parse


def require(caller: Caller, permission: Permission, org: str) -> Membership:
    """Return the caller's membership if it has a permission in the organization; errors as in Caller.require."""
    return caller.require(permission, org, missing=missing_org(org))


def get_rules(connection: Connection, record: Record) -> Descriptor:
    """Return the effective rules of a record, with the records that it composes."""
    if record.is_built_in:
        return BY_ID[record.id].descriptor
    return parse(roles.find_rules(connection, record.org_id, [record.id])[record.id])


def get(connection: Connection, org_id: str, role_id: str) -> Record:
    """Return a built-in or custom record; NotFound for an unknown id."""
    record = find_built_in(org_id, role_id)
    if record is None and is_id(role_id):
        record = roles.find(connection, org_id, role_id)
    if record is None:
        raise NotFound(f"role {role_id[:100]!a} not found")
    return record


def mark_default(records: Iterable[Record], settings: OrgSettings) -> list[Record]:
    """Return the records, with the organization's default role marked."""
    default_id = settings.default_role_id or MEMBER.id
    return [replace(record, is_default=True) if record.id == default_id else record for record in records]


def create(tx: Connection, membership: Membership, new: NewRecord, now_millis: int, *, is_held: bool = False) -> Record:
    """Store a new record; errors as in create_role. The use case holds the organization's lock.

    With `is_held` the record's holders have its permissions already, so the caller need not have them.
    """
    role_id = new_id()
    composition = compose(tx, membership.org_id, role_id, new.details)
    if not is_held:
        membership.require_permissions(all_permissions(composition.rules))
    require_space(tx, membership.org_id, role_id, new.details)
    with unless_taken(duplicate_message(new.purpose, new.name)):
        roles.add(tx, membership.org_id, role_id, new, rules=composition.text, now_millis=now_millis)
    roles.replace_references(tx, role_id, composition.composed)
    return Record(
        id=role_id,
        org_id=membership.org_id,
        purpose=new.purpose,
        name=new.name,
        description=new.description,
        resource_type=new.resource_type,
        details=new.details,
        version=1,
        created_at=now_millis,
        modified_at=now_millis,
    )


def require_space(tx: Connection, org_id: str, role_id: str, details: str) -> None:
    """Raise BadRequest over the limits of an organization: one more record, or this text of a record that it has."""
    count, size = roles.count_others(tx, org_id, without=role_id)
    if count >= RECORD_LIMIT:
        raise BadRequest(f"an organization may have at most {RECORD_LIMIT:,} roles, permission sets and policies")
    if size + len(details) > DETAILS_LIMIT_BYTES:
        raise BadRequest(
            f"the roles, permission sets and policies of an organization may have at most {DETAILS_LIMIT_BYTES:,} bytes together"
        )


def duplicate_message(purpose: Purpose, name: str) -> str:
    """Return the message for a name that another record of the purpose has."""
    return f"a {purpose} named {name[:100]!a} already exists"


def delete_of_team(tx: Connection, team_id: str) -> None:
    """Remove all roles of a team that is deleted, and delete its private role."""
    # No permission check: the use case made it.
    private_id = holders.find_private_role(tx, team_id)
    holders.remove_team_roles(tx, team_id)
    if private_id is not None and holders.is_unused(tx, private_id):
        roles.delete(tx, private_id)
