"""Who is calling, and what they hold in which organization."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from common.core.errors import Forbidden, NotFound
from common.rights.membership import Grant, Membership, StackScope
from common.rights.permissions import Permission
from common.rights.predicate import Entity

__all__ = ["Caller", "Membership", "TokenKind", "missing_org"]


class TokenKind(StrEnum):
    """Whose token it is; upstream's `type` of an access token."""

    PERSONAL = "personal"
    ORGANIZATION = "organization"
    TEAM = "team"
    # Ours: a browser that somebody has signed in with. It is good in the session's cookie alone.
    SESSION = "session"


def missing_org(org: str) -> str:
    """Return what is said of an organization that the caller may not know of, as of one that does not exist."""
    return f"Organization {org[:100]!a} not found"


@dataclass(frozen=True, slots=True)
class Caller:
    """A signed-in user or a machine with a token of its own; `default_org_id` is the organization a user chose, if any.

    A machine is a user too, one that nobody can sign in as: its stacks and updates name it. `team_name` is set for the
    token of a team. `issuer_id` is set for a token that was given for an identity token.
    `source_ip` is the address that the request came from, if it is known.
    """

    user_id: str
    login: str
    name: str
    email: str
    avatar_url: str
    site_admin: bool
    default_org_id: str | None
    memberships: tuple[Membership, ...]
    token_id: str
    token_kind: TokenKind = TokenKind.PERSONAL
    token_name: str = ""
    team_name: str = ""
    issuer_id: str | None = None
    source_ip: str = ""

    @property
    def is_person(self) -> bool:
        """Tell whether a person calls, by whatever token of theirs, not a machine."""
        return self.token_kind in (TokenKind.PERSONAL, TokenKind.SESSION)

    @property
    def is_themselves(self) -> bool:
        """Tell whether a person calls who signed in themselves, not a job that was let in on their behalf."""
        return self.is_person and self.issuer_id is None

    @property
    def home(self) -> str:
        """Return the login of a user's personal organization, or of the organization that a machine's token belongs to."""
        return self.login if self.is_person else next((membership.login for membership in self.memberships), self.login)

    def membership(self, org_login: str) -> Membership | None:
        """Return the caller's place in an organization, or None."""
        return next((found for found in self.memberships if found.login == org_login), None)

    def require_member(self, org_login: str, *, missing: str) -> Membership:
        """Return the caller's membership; NotFound(missing) without one, Forbidden when this token may not be used there."""
        membership = self.membership(org_login)
        if membership is None:
            raise NotFound(missing)
        membership.require_open()
        return membership

    def may(self, permission: Permission, org_login: str) -> bool:
        """Tell whether the caller holds a permission in an organization itself."""
        membership = self.membership(org_login)
        return membership is not None and membership.is_open and permission in membership.permissions()

    def require(self, permission: Permission, org_login: str, *, missing: str) -> Membership:
        """Return the caller's membership if it gives the permission in the organization itself.

        Raises NotFound(missing) for an organization that is not the caller's, as for one that does not exist, and Forbidden
        when the role is too small.
        """
        membership = self.require_member(org_login, missing=missing)
        if permission not in membership.permissions():
            raise Forbidden(self._lacks(permission, membership))
        return membership

    def permissions_on_stack(
        self,
        membership: Membership,
        stack: Entity,
        grants: Iterable[Grant],
        *,
        created_by: str,
    ) -> frozenset[Permission]:
        """Return what the caller may do to a stack; `created_by` is the user who made it and holds more on it."""
        return membership.permissions_on_stack(stack, grants, is_creator=created_by == self.user_id)

    def stack_scope(self, membership: Membership, wanted: frozenset[Permission]) -> StackScope:
        """Return which stacks of an organization give the caller one of the permissions, for a list."""
        return StackScope(membership.org_id, membership.where(wanted), self.user_id, self.principals(membership))

    def principals(self, membership: Membership) -> tuple[str, ...]:
        """Return the ids by which the caller may have been given something in an organization: their own and their teams'."""
        return (self.user_id, *membership.team_ids)

    def refusal(self, permission: Permission, membership: Membership) -> Forbidden:
        """Return the error for a permission that the caller lacks on something that they may see."""
        return Forbidden(self._lacks(permission, membership))

    def _lacks(self, permission: Permission, membership: Membership) -> str:
        return f"{self.login}, {self._place(membership)} of organization {membership.login}, lacks the permission {permission}"

    def _place(self, membership: Membership) -> str:
        """Return how the caller stands to the organization, for a sentence."""
        if not self.is_person:
            return "a token"
        return "with a custom role" if membership.custom_role_id is not None else membership.role.replace("-", " ")
