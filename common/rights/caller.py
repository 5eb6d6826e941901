"""The caller of a request, with their memberships of organizations."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from common.core.errors import Forbidden, NotFound
from common.rights.membership import Grant, Membership, StackScope
from common.rights.permissions import Permission
from common.rights.predicate import Entity

__all__ = ["Caller", "Membership", "PermissionDenied", "TokenKind", "missing_org"]


class TokenKind(StrEnum):
    """The kind of a token's owner; upstream's `type` of an access token."""

    PERSONAL = "personal"
    ORGANIZATION = "organization"
    TEAM = "team"
    # Ours: a signed-in browser. It is valid in the session's cookie alone.
    SESSION = "session"


def missing_org(org: str) -> str:
    """Return the message for an organization that does not exist, or that the caller may not know of."""
    return f"Organization {org[:100]!a} not found"


class PermissionDenied(Forbidden):
    """A caller lacks a permission in an organization that they belong to; the audit log has it."""

    def __init__(self, detail: str, permission: Permission, org_id: str) -> None:
        """Keep the permission and the organization beside the message."""
        super().__init__(detail)
        self.permission = permission
        self.org_id = org_id


@dataclass(frozen=True, slots=True)
class Caller:
    """A signed-in user or a machine with a token of its own; `default_org_id` is the organization a user chose, if any.

    A machine is a user that no one can sign in as: its stacks and updates name it. `team_name` is set for the token of a
    team. `issuer_id` is set for a token that was exchanged for an identity token.
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
        """Tell whether the caller is a person, with any of their tokens, not a machine."""
        return self.token_kind in (TokenKind.PERSONAL, TokenKind.SESSION)

    @property
    def is_themselves(self) -> bool:
        """Tell whether the caller is a person who signed in themselves, not a job with an exchanged token of theirs."""
        return self.is_person and self.issuer_id is None

    @property
    def home(self) -> str:
        """Return the login of a user's personal organization, or of the organization that a machine's token belongs to."""
        return self.login if self.is_person else next((membership.login for membership in self.memberships), self.login)

    def membership(self, org_login: str) -> Membership | None:
        """Return the caller's membership of an organization, or None."""
        return next((membership for membership in self.memberships if membership.login == org_login), None)

    def require_member(self, org_login: str, *, missing: str) -> Membership:
        """Return the caller's membership; NotFound(missing) without it, Forbidden when the token may not be used there."""
        membership = self.membership(org_login)
        if membership is None:
            raise NotFound(missing)
        membership.require_open()
        return membership

    def may(self, permission: Permission, org_login: str) -> bool:
        """Tell whether the caller has a permission in an organization itself."""
        membership = self.membership(org_login)
        return membership is not None and membership.is_open and permission in membership.permissions()

    def require(self, permission: Permission, org_login: str, *, missing: str) -> Membership:
        """Return the caller's membership if it has the permission in the organization itself.

        Raises NotFound(missing) for an organization that the caller does not belong to, as for one that does not exist, and
        Forbidden without the permission.
        """
        membership = self.require_member(org_login, missing=missing)
        if permission not in membership.permissions():
            raise self.refusal(permission, membership)
        return membership

    def permissions_on_stack(
        self,
        membership: Membership,
        stack: Entity,
        grants: Iterable[Grant],
        *,
        created_by: str,
    ) -> frozenset[Permission]:
        """Return the caller's permissions on a stack; `created_by` is its owner, who has more."""
        return membership.permissions_on_stack(stack, grants, is_creator=created_by == self.user_id)

    def stack_scope(self, membership: Membership, permissions: frozenset[Permission]) -> StackScope:
        """Return the stacks of an organization on which the caller has one of the permissions, for a list."""
        return StackScope(membership.org_id, membership.where(permissions), self.user_id, self.principals(membership))

    def principals(self, membership: Membership) -> tuple[str, ...]:
        """Return the ids that grants to the caller name in an organization: their own and their teams'."""
        return (self.user_id, *membership.team_ids)

    def refusal(self, permission: Permission, membership: Membership) -> PermissionDenied:
        """Return the error for a permission that the caller does not have on a thing that they may see."""
        return PermissionDenied(self._lacks(permission, membership), permission, membership.org_id)

    def _lacks(self, permission: Permission, membership: Membership) -> str:
        return (
            f"{self.login}, {self._role_text(membership)} of organization {membership.login}, lacks the permission {permission}"
        )

    def _role_text(self, membership: Membership) -> str:
        """Return the caller's role in the organization, for a message."""
        if not self.is_person:
            return "a token"
        return "with a custom role" if membership.custom_role_id is not None else membership.role.replace("-", " ")
