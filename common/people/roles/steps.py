"""What the use cases of roles share: look-up, the rule that nobody gives more than they hold, storing a new record."""

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
    """Return the caller's membership if it gives a permission in the organization; errors as Caller.require raises."""
    return caller.require(permission, org, missing=missing_org(org))


def get_rules(connection: Connection, record: Record) -> Descriptor:
    """Return what a record comes to with all that it composes."""
    if record.is_built_in:
        return BY_ID[record.id].descriptor
    return parse(roles.find_rules(connection, record.org_id, [record.id])[record.id])


def get(connection: Connection, org_id: str, role_id: str) -> Record:
    """Return a built-in or custom record within the caller's own connection; NotFound without one."""
    found = find_built_in(org_id, role_id)
    if found is None and is_id(role_id):
        found = roles.find(connection, org_id, role_id)
    if found is None:
        raise NotFound(f"role {role_id[:100]!a} not found")
    return found


def mark_default(records: Iterable[Record], settings: OrgSettings) -> list[Record]:
    """Return the records with the one marked that new members get."""
    default_id = settings.default_role_id or MEMBER.id
    return [replace(record, is_default=True) if record.id == default_id else record for record in records]


def create(tx: Connection, membership: Membership, new: NewRecord, now_millis: int, *, is_held: bool = False) -> Record:
    """Store a new record: a step of its caller's use case, which holds the organization's lock; errors as in create_role.

    `is_held` says that whoever gets the record has all of it already, so that the caller need not hold it.
    """
    role_id = new_id()
    composition = compose(tx, membership.org_id, role_id, new.details)
    if not is_held:
        membership.require_permissions(all_permissions(composition.rules))
    require_space(tx, membership.org_id, role_id, new.details)
    with unless_taken(duplicate_message(new.purpose, new.name)):
        roles.add(tx, membership.org_id, role_id, new, rules=composition.text, now_millis=now_millis)
    roles.replace_references(tx, role_id, composition.composed)
    return get(tx, membership.org_id, role_id)


def require_space(tx: Connection, org_id: str, role_id: str, details: str) -> None:
    """Raise BadRequest when an organization has no room for one more record, or for this text of one that it has."""
    count, size = roles.count_others(tx, org_id, without=role_id)
    if count >= RECORD_LIMIT:
        raise BadRequest(f"an organization may have {RECORD_LIMIT:,} roles, permission sets and policies")
    if size + len(details) > DETAILS_LIMIT_BYTES:
        raise BadRequest(
            f"the roles, permission sets and policies of an organization may have {DETAILS_LIMIT_BYTES:,} bytes together"
        )


def duplicate_message(purpose: Purpose, name: str) -> str:
    """Return what is said of a name that another record of the purpose has."""
    return f"a {purpose} named {name[:100]!a} already exists"


def delete_of_team(tx: Connection, team_id: str) -> None:
    """Take all roles from a team that goes away, with the private role made for it: a step of its caller's use case."""
    # No permission check: the use case made it.
    private_id = holders.find_private_role(tx, team_id)
    holders.remove_team_roles(tx, team_id)
    if private_id is not None and holders.is_unused(tx, private_id):
        roles.delete(tx, private_id)
