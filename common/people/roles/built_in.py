"""The built-in records as an organization's list shows them."""

from common.people.roles.model import UNSHOWN, Purpose, Record
from common.rights.built_in import BUILT_INS, BY_ID, MADE_AT, BuiltIn
from common.rights.descriptor import Allow, encode


def built_in_records(org_id: str, purpose: Purpose | None = None) -> list[Record]:
    """Return the built-in records, all or those of one purpose."""
    return [_to_record(found, org_id) for found in BUILT_INS if purpose is None or found.purpose == purpose]


def find_built_in(org_id: str, role_id: str) -> Record | None:
    """Return a built-in record by id, or None."""
    found = BY_ID.get(role_id)
    return _to_record(found, org_id) if found is not None else None


def _to_record(found: BuiltIn, org_id: str) -> Record:
    return Record(
        found.id,
        org_id,
        Purpose(found.purpose),
        found.name,
        found.description,
        found.resource_type,
        encode(Allow(permissions=sorted(found.permissions - UNSHOWN))),
        1,
        MADE_AT,
        MADE_AT,
        found.identifier,
        is_built_in=True,
    )
