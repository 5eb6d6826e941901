"""What approvals need to know of the things that they protect: one adapter for each kind of target."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from sqlalchemy import Connection

from common.access.member_rights import MemberRights
from common.approvals.model import Action, ChangeRequest, Revision
from common.approvals.repository.requests import Condition, TargetId
from common.backend import Backend
from common.rights.caller import Caller
from common.rights.membership import Membership
from common.rights.permissions import Permission

__all__ = ["Change", "Condition", "Target", "TargetId", "TargetKind"]


@dataclass(frozen=True, slots=True)
class Target:
    """A thing that exists, and the caller's permissions on it."""

    id: str
    qualified_name: str
    permissions: frozenset[Permission]


class TargetKind(Protocol):
    """A kind of things that gates protect. `permissions` are needed to propose and to apply an action, `reading` to see requests.

    A table in `common/change_requests/targets.py` has all kinds.
    """

    @property
    def entity_type(self) -> str:
        """Return the word of the wire."""

    @property
    def permissions(self) -> Mapping[Action, Permission]:
        """Return what each action needs; other actions have no gates."""

    @property
    def reading(self) -> Permission:
        """Return what seeing a request for a target needs."""

    def find(self, connection: Connection, caller: Caller, membership: Membership, qualified_name: str) -> Target | None:
        """Return a target by name, or None if it does not exist or is hidden from the caller."""

    def permissions_of(
        self, connection: Connection, members: Sequence[MemberRights], qualified_name: str
    ) -> Mapping[str, frozenset[Permission]]:
        """Return the permissions of other members of one organization on a target, by their ids."""

    def visible(self, caller: Caller, membership: Membership, target_id: TargetId) -> Condition:
        """Return the condition that the target of a row is visible to the caller."""

    def path(self, org: str, qualified_name: str) -> str:
        """Return the path of a target's page."""

    def prepare(self, backend: Backend, caller: Caller, request: ChangeRequest, revision: Revision) -> "Change":
        """Return what applies a request, after everything that can be checked before the transaction."""


# It joins the transaction in which the request becomes an applied one, and returns a sentence about it, or "".
Change = Callable[[Connection], str]
