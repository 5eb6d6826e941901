"""Members and invitations as the use cases see them, and which roles can be given. No I/O."""

from dataclasses import dataclass

from common.people.users.model import Person
from common.rights.built_in import BY_ID, MADE_AT, ROLE_IDS
from common.rights.permissions import Role

# A team's token has the fourth one; nobody is given it.
ASSIGNABLE_ROLES = (Role.ADMIN, Role.MEMBER, Role.BILLING_MANAGER)


@dataclass(frozen=True, slots=True)
class RequestedRole:
    """Which role a client asks for, in its own words: one by id, or else a built-in one by name."""

    role: str | None
    role_id: str | None = None


@dataclass(frozen=True, slots=True)
class MemberRole:
    """Which role somebody gets: a built-in one, or a custom one that stands in for the built-in Member role."""

    role: Role
    role_id: str | None = None


@dataclass(frozen=True, slots=True)
class RoleSummary:
    """The role that a member holds, built-in or custom, by id; `modified_at` in unix milliseconds."""

    id: str
    name: str
    modified_at: int


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody's place in an organization; `created_at` in unix milliseconds. `custom` stands in for `role` if it is set."""

    person: Person
    role: Role
    custom: RoleSummary | None
    suspended: bool
    created_at: int

    @property
    def is_admin(self) -> bool:
        """Tell whether the member may do everything in the organization, once they may sign in."""
        return self.role is Role.ADMIN and self.custom is None

    @property
    def effective(self) -> RoleSummary:
        """Return the one role that decides what the member may do."""
        if self.custom is not None:
            return self.custom
        return RoleSummary(ROLE_IDS[self.role], BY_ID[ROLE_IDS[self.role]].name, MADE_AT)


@dataclass(frozen=True, slots=True)
class Counts:
    """How much an organization has, and since when (unix milliseconds) it exists."""

    created_at: int
    members: int
    stacks: int
    environments: int = 0
    accounts: int = 0


@dataclass(frozen=True, slots=True)
class NewInvite:
    """An invitation that is asked for, in the client's own words."""

    email: str
    wanted: RequestedRole


@dataclass(frozen=True, slots=True)
class Invite:
    """An invitation to an organization; times are unix milliseconds. `email` is in lower case, empty for a link."""

    id: str
    org_id: str
    email: str
    given: MemberRole
    sent_by: Person
    sent_at: int
    expires_at: int
    org_login: str
    org_name: str
    org_avatar_url: str

    def is_expired(self, now_millis: int) -> bool:
        """Tell whether it is too late to accept."""
        return self.expires_at <= now_millis

    def is_for(self, email: str) -> bool:
        """Tell whether a user with that address may see and accept it."""
        return not self.email or self.email == email.lower()
