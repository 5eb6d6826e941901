"""What forms let people choose from."""

from common.people.roles.built_in import built_in_records
from common.people.roles.model import Purpose, Record
from common.people.roles.service import roles
from common.rights.built_in import ADMIN
from common.rights.permissions import Permission
from functions.pages.organizations.org_request import OrgRequest

TEXT_LIMIT = 200


def list_assignable(request: OrgRequest) -> list[Record]:
    """Return the roles that the visitor can choose from for others: built-in ones alone if they may not see roles."""
    membership = request.membership
    if request.may(Permission.ROLE_READ):
        records = roles.list_roles(request.backend, request.caller, request.org, Purpose.ROLE)
    else:
        records = built_in_records(membership.org_id, Purpose.ROLE)
    return [record for record in records if record.id != ADMIN.id or membership.is_admin]


def clean(text: str) -> str:
    """Return a text of an address without spaces around it, cut to a length that can be of use."""
    return text.strip()[:TEXT_LIMIT]
