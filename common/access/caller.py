"""Who is calling, and what they hold in which organization."""

from dataclasses import dataclass

from common.access.permissions import ROLES, STACK_CREATOR, Permission, Role
from common.errors import Forbidden, NotFound


@dataclass(frozen=True, slots=True)
class Membership:
    """The caller's place in one organization; a personal one is named like its user."""

    org_id: str
    login: str
    name: str
    avatar_url: str
    role: Role
    is_personal: bool


@dataclass(frozen=True, slots=True)
class Caller:
    """A signed-in user; `default_org_id` is the organization they chose as default, if any."""

    user_id: str
    login: str
    name: str
    email: str
    avatar_url: str
    site_admin: bool
    default_org_id: str | None
    memberships: tuple[Membership, ...]
    token_id: str

    def membership(self, org_login: str) -> Membership | None:
        """Return the caller's place in an organization, or None."""
        return next((found for found in self.memberships if found.login == org_login), None)

    def may(self, permission: Permission, org_login: str, *, created_by: str | None = None) -> bool:
        """Tell whether the caller holds a permission; `created_by` as in `require`."""
        membership = self.membership(org_login)
        return membership is not None and permission in self._held(membership, created_by)

    def require(self, permission: Permission, org_login: str, *, missing: str, created_by: str | None = None) -> Membership:
        """Return the caller's membership if it gives the permission.

        `created_by` is the user who made the stack at hand and holds more on it. Raises NotFound(missing) for an
        organization that is not the caller's, as for one that does not exist, and Forbidden when the role is too small.
        """
        membership = self.membership(org_login)
        if membership is None:
            raise NotFound(missing)
        if permission not in self._held(membership, created_by):
            msg = f"{self.login} is {membership.role} of organization {org_login} and lacks the permission {permission}"
            raise Forbidden(msg)
        return membership

    def _held(self, membership: Membership, created_by: str | None) -> frozenset[Permission]:
        return ROLES[membership.role] | (STACK_CREATOR if created_by == self.user_id else frozenset())
