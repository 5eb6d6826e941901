"""Every permission and every role's set, on one page: the page that a security review reads.

Names are upstream's. A role says what a member of an organization may do with everything in it; users hold more on
the stacks that they created. Grants by team, by stack and by custom role add to this once they exist; nothing takes away.
"""

from enum import StrEnum


class Permission(StrEnum):
    """One thing that may be allowed."""

    STACK_LIST = "stack:list"
    STACK_READ = "stack:read"
    STACK_EXPORT = "stack:export"
    STACK_ENCRYPT = "stack:encrypt"
    STACK_DECRYPT = "stack:decrypt"
    STACK_WRITE = "stack:write"
    STACK_IMPORT = "stack:import"
    STACK_CANCEL_UPDATE = "stack:cancel_update"
    STACK_TAGS_UPDATE = "stack_tags:update"
    STACK_CREATE = "stack:create"
    STACK_DELETE = "stack:delete"
    STACK_RENAME = "stack:rename"
    STACK_TRANSFER = "stack:transfer"
    TEMPLATES_READ = "templates:read"
    ENVIRONMENT_YAML_OPEN = "environment_yaml:open"


class Role(StrEnum):
    """What a member is in an organization."""

    ADMIN = "admin"
    MEMBER = "member"
    BILLING_MANAGER = "billing-manager"


STACK_READER = frozenset(
    {
        Permission.STACK_LIST,
        Permission.STACK_READ,
        Permission.STACK_EXPORT,
        Permission.STACK_ENCRYPT,
        Permission.STACK_DECRYPT,
    },
)
STACK_WRITER = STACK_READER | {
    Permission.STACK_WRITE,
    Permission.STACK_IMPORT,
    Permission.STACK_CANCEL_UPDATE,
    Permission.STACK_TAGS_UPDATE,
}
# What users also hold on a stack that they created.
STACK_CREATOR = STACK_WRITER | {
    Permission.STACK_DELETE,
    Permission.STACK_RENAME,
    Permission.STACK_TRANSFER,
}

ROLES: dict[Role, frozenset[Permission]] = {
    Role.ADMIN: frozenset(Permission),
    Role.MEMBER: STACK_WRITER
    | {
        Permission.STACK_CREATE,
        Permission.TEMPLATES_READ,
        Permission.ENVIRONMENT_YAML_OPEN,
    },
    Role.BILLING_MANAGER: frozenset(),
}
