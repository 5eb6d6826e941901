"""The built-in roles and permission sets as records of an organization."""

from common.people.roles.model import UNSHOWN, Purpose, Record
from common.rights.built_in import BUILT_INS, BY_ID, MADE_AT, BuiltIn
from common.rights.descriptor import Allow, encode


def built_in_records(org_id: str, purpose: Purpose | None = None) -> list[Record]:
    """Return the built-in records, all or those of one purpose."""
    return [_to_record(role, org_id) for role in BUILT_INS if purpose is None or role.purpose == purpose]


def find_built_in(org_id: str, role_id: str) -> Record | None:
    """Return a built-in record by id, or None."""
    role = BY_ID.get(role_id)
    return _to_record(role, org_id) if role is not None else None


def _to_record(role: BuiltIn, org_id: str) -> Record:
    return Record(
        role.id,
        org_id,
        Purpose(role.purpose),
        role.name,
        role.description,
        role.resource_type,
        encode(Allow(permissions=sorted(role.permissions - UNSHOWN))),
        1,
        MADE_AT,
        MADE_AT,
        role.identifier,
        is_built_in=True,
    )
