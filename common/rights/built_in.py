"""The built-in roles and permission sets. Their ids are constants, the same in every organization.

They are code, not rows: their permissions change with the program, and a row could only become outdated.
"""

from dataclasses import dataclass

from common.rights import permissions as p
from common.rights.descriptor import Allow
from common.rights.permissions import ROLES, Permission, Role, StackLevel


@dataclass(frozen=True, slots=True)
class BuiltIn:
    """A built-in record; `identifier` is upstream's `defaultIdentifier`, empty for sets without one."""

    id: str
    identifier: str
    name: str
    description: str
    purpose: str
    resource_type: str
    permissions: frozenset[Permission]

    @property
    def descriptor(self) -> Allow:
        """Return the record as a descriptor."""
        return Allow(permissions=sorted(self.permissions))


# Upstream shows a time of creation; ours is the same for every organization (unix milliseconds).
MADE_AT = 1_704_067_200_000
ROLE, SET = "role", "set"
GLOBAL, STACK, ENVIRONMENT, ACCOUNT, ORGANIZATION = "global", "stack", "environment", "insights-account", "organization"


def _record(  # noqa: PLR0917 - a table, one row a line
    number: int, identifier: str, name: str, description: str, resource_type: str, permissions: frozenset[Permission]
) -> BuiltIn:
    purpose = ROLE if resource_type == GLOBAL else SET
    return BuiltIn(f"00000000-0000-7000-8000-{number:012d}", identifier, name, description, purpose, resource_type, permissions)


ADMIN = _record(1, "admin", "Admin", "May do everything in the organization.", GLOBAL, ROLES[Role.ADMIN])
MEMBER = _record(2, "member", "Member", "May do what the organization gives its members.", GLOBAL, ROLES[Role.MEMBER])
BILLING_MANAGER = _record(3, "billing-manager", "Billing Manager", "Sees usage and members.", GLOBAL, ROLES[Role.BILLING_MANAGER])
STACK_READ = _record(11, "stack-read", "Stack Read", "Reads stacks and previews them.", STACK, p.STACK_READ)
STACK_WRITE = _record(12, "stack-write", "Stack Write", "Updates stacks as well.", STACK, p.STACK_WRITE)
STACK_ADMIN = _record(13, "stack-admin", "Stack Admin", "Deletes, renames and shares stacks as well.", STACK, p.STACK_ADMIN)

BUILT_INS = (
    ADMIN,
    MEMBER,
    BILLING_MANAGER,
    STACK_READ,
    STACK_WRITE,
    STACK_ADMIN,
    _record(21, "environment-read", "Environment Read", "Reads environments.", ENVIRONMENT, p.ENVIRONMENT_READ),
    _record(22, "environment-open", "Environment Open", "Opens environments as well.", ENVIRONMENT, p.ENVIRONMENT_OPEN),
    _record(23, "environment-write", "Environment Write", "Changes environments as well.", ENVIRONMENT, p.ENVIRONMENT_WRITE),
    _record(24, "environment-admin", "Environment Admin", "Deletes environments as well.", ENVIRONMENT, p.ENVIRONMENT_ADMIN),
    _record(31, "insights-account-read", "Account Read", "Reads accounts and scans.", ACCOUNT, p.ACCOUNT_READ),
    _record(32, "insights-account-write", "Account Write", "Changes and scans accounts as well.", ACCOUNT, p.ACCOUNT_WRITE),
    _record(33, "insights-account-admin", "Account Admin", "Deletes accounts as well.", ACCOUNT, p.ACCOUNT_ADMIN),
    _record(41, "", "Organization Read Only", "Reads what belongs to the organization.", ORGANIZATION, p.ORG_READ_ONLY),
    _record(42, "", "Organization Standard", "Everyday work in the organization.", ORGANIZATION, p.ORG_STANDARD),
    _record(43, "", "Organization Billing", "Usage, members and billing.", ORGANIZATION, p.ORG_BILLING),
)
BY_ID = {record.id: record for record in BUILT_INS}
ROLE_IDS = {Role.ADMIN: ADMIN.id, Role.MEMBER: MEMBER.id, Role.BILLING_MANAGER: BILLING_MANAGER.id}
LEVEL_SETS = {
    StackLevel.READ: STACK_READ,
    StackLevel.WRITE: STACK_WRITE,
    StackLevel.ADMIN: STACK_ADMIN,
    StackLevel.CREATOR: STACK_ADMIN,
}


def role_of(role_id: str) -> Role | None:
    """Return the built-in role with this id, or None."""
    return next((role for role, known_id in ROLE_IDS.items() if known_id == role_id), None)
