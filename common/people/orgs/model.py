"""Members and invitations as the use cases see them, and the built-in roles that can be assigned. No I/O."""

from dataclasses import dataclass

from common.people.users.model import Person
from common.rights.built_in import BY_ID, MADE_AT, ROLE_IDS
from common.rights.permissions import Role

# `Role.NONE` is for a team's token alone.
ASSIGNABLE_ROLES = (Role.ADMIN, Role.MEMBER, Role.BILLING_MANAGER)


@dataclass(frozen=True, slots=True)
class RequestedRole:
    """A role in a client's words: any role by id, or else a built-in one by name."""

    name: str | None
    id: str | None = None


@dataclass(frozen=True, slots=True)
class MemberRole:
    """A member's role: a built-in one, or the custom role with `custom_id` in place of the built-in Member role."""

    built_in: Role
    custom_id: str | None = None


@dataclass(frozen=True, slots=True)
class RoleSummary:
    """The built-in or custom role that a member has; `modified_at` in unix milliseconds."""

    id: str
    name: str
    modified_at: int


@dataclass(frozen=True, slots=True)
class Member:
    """A user in an organization; `created_at` in unix milliseconds. `custom` replaces `role` if it is set."""

    person: Person
    role: Role
    custom: RoleSummary | None
    suspended: bool
    created_at: int

    @property
    def is_admin(self) -> bool:
        """Tell whether the member may do everything in the organization while not suspended."""
        return self.role is Role.ADMIN and self.custom is None

    @property
    def effective(self) -> RoleSummary:
        """Return the one role that decides what the member may do."""
        if self.custom is not None:
            return self.custom
        return RoleSummary(ROLE_IDS[self.role], BY_ID[ROLE_IDS[self.role]].name, MADE_AT)


@dataclass(frozen=True, slots=True)
class MemberFilter:
    """What a list of members is narrowed to; `text` is a part of a login, name or address, `role_id` the effective role."""

    text: str = ""
    role_id: str = ""
    suspended: bool | None = None


@dataclass(frozen=True, slots=True)
class InviteFilter:
    """What a list of invitations is narrowed to; `text` is a part of the address or of the sender's login."""

    text: str = ""
    expired: bool | None = None


@dataclass(frozen=True, slots=True)
class Counts:
    """How many things an organization has, and when it was created (unix milliseconds)."""

    created_at: int
    members: int
    stacks: int
    environments: int = 0
    accounts: int = 0


@dataclass(frozen=True, slots=True)
class NewInvite:
    """An invitation to create, in the client's words."""

    email: str
    role: RequestedRole


@dataclass(frozen=True, slots=True)
class Invite:
    """An invitation to an organization; times are unix milliseconds. `email` is in lower case, empty for a link."""

    id: str
    org_id: str
    email: str
    role: MemberRole
    sent_by: Person
    sent_at: int
    expires_at: int
    org_login: str
    org_name: str
    org_avatar_url: str

    def is_expired(self, now_millis: int) -> bool:
        """Tell whether the invitation can no longer be accepted."""
        return self.expires_at <= now_millis

    def is_for(self, email: str) -> bool:
        """Tell whether a user with this address may see and accept the invitation."""
        return not self.email or self.email == email.lower()
