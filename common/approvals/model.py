"""Change gates and change requests, and when the approvals of a request are enough. No I/O.

A gate says that an action on a target needs approvals. A request proposes one action, and its revisions are what is proposed.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

import msgspec

from common.core.errors import BadRequest
from common.people.users.model import Person
from common.rights.permissions import Permission

NAME_LIMIT = 100
DESCRIPTION_LIMIT = 10_000
COMMENT_LIMIT = 10_000
APPROVALS_LIMIT = 50
APPROVERS_LIMIT = 100
# Gates of an organization, and requests for one target that are neither applied nor closed.
GATES_LIMIT = 1_000
OPEN_REQUESTS_LIMIT = 500
# Comments of one request, and likewise its revisions, its approvals and the changes of its description.
EVENTS_LIMIT = 1_000


class Action(StrEnum):
    """What a request does with its target."""

    UPDATE = "update"
    OPEN = "open"


class Status(StrEnum):
    """Where a request is: a draft is submitted, then pending until its approvals are enough; at the end applied or closed."""

    DRAFT = "draft"
    PENDING = "pending"
    READY = "ready"
    APPLIED = "applied"
    CLOSED = "closed"


SUBMITTED = frozenset({Status.PENDING, Status.READY})
ENDED = frozenset({Status.APPLIED, Status.CLOSED})


class EventKind(StrEnum):
    """What happened to a request; upstream's words."""

    COMMENTED = "commented"
    STATUS_CHANGED = "status_changed"
    APPROVED = "approved_by_user"
    UNAPPROVED = "unapproved_by_user"
    DESCRIPTION_UPDATED = "description_updated"
    REVISION_ADDED = "revision_added"


class Reason(StrEnum):
    """Why a status changed. The command line has sentences for these words, the last of them with a blank."""

    CREATED = "created"
    SUBMITTED = "submitted_for_approval"
    EVALUATED = "gate_evaluation"
    CLOSED = "manually_closed"
    APPLIED = "applied successfully"


class ApproverKind(StrEnum):
    """How a gate says who may approve."""

    USER = "specific_user"
    TEAM = "team_member"
    PERMISSION = "has_permission_on_target"


class Approver(msgspec.Struct, frozen=True):
    """Who may approve: the id of a user or a team, or a permission on the target."""

    kind: ApproverKind
    value: str


@dataclass(frozen=True, slots=True)
class Rule:
    """How many approvals an action needs, and who may give them."""

    approvals_required: int
    allows_self_approval: bool
    requires_reapproval: bool
    approvers: tuple[Approver, ...]

    @property
    def needs_permissions(self) -> bool:
        """Tell whether it depends on the permissions of approvers on the target."""
        return any(approver.kind is ApproverKind.PERMISSION for approver in self.approvers)

    def is_eligible(self, candidate: "Candidate") -> bool:
        """Tell whether a member is among those who may approve."""
        return any(
            approver.value == candidate.user_id
            if approver.kind is ApproverKind.USER
            else approver.value in candidate.team_ids
            if approver.kind is ApproverKind.TEAM
            else approver.value in candidate.permissions
            for approver in self.approvers
        )


@dataclass(frozen=True, slots=True)
class GateTarget:
    """What a gate is about: one target by name, or all of a type with an empty name."""

    entity_type: str
    qualified_name: str
    actions: tuple[Action, ...]


@dataclass(frozen=True, slots=True)
class Gate:
    """A gate. One that is not enabled lets everything pass."""

    id: str
    org_id: str
    name: str
    enabled: bool
    target: GateTarget
    rule: Rule


@dataclass(frozen=True, slots=True)
class Candidate:
    """A member who approves, as rules look at them; `permissions` are those on the target."""

    user_id: str
    team_ids: frozenset[str]
    permissions: frozenset[Permission] = frozenset()


@dataclass(frozen=True, slots=True)
class ChangeRequest:
    """A request; times are unix milliseconds, `latest` is the number of the newest revision, from 0."""

    id: str
    org_id: str
    entity_type: str
    qualified_name: str
    target_id: str
    action: Action
    status: Status
    description: str
    latest: int
    creator: Person
    created_at: int


@dataclass(frozen=True, slots=True)
class RequestFilter:
    """Which requests a list has, beside those that the caller can see; None narrows nothing. `creator` is a login."""

    entity_type: str | None = None
    target_id: str | None = None
    action: Action | None = None
    creator: str | None = None
    is_open: bool | None = None


@dataclass(frozen=True, slots=True)
class Revision:
    """What a request proposes: the content in the form of its kind of target, made for revision `base` of the target."""

    number: int
    base: int | None
    content: bytes
    created_by: str


@dataclass(frozen=True, slots=True)
class Approval:
    """The approval of a user, and the revision that they approved."""

    user: Person
    revision: int


@dataclass(frozen=True, slots=True)
class RequestEvent:
    """An entry of a request's log; `details` are members of the wire's event."""

    id: str
    sequence: int
    kind: EventKind
    revision: int
    user: Person
    comment: str
    details: Mapping[str, str]
    replaced_by: str | None
    created_at: int


@dataclass(frozen=True, slots=True)
class GateEvaluation:
    """A gate, and the users whose approvals count for it."""

    gate: Gate
    approvers: tuple[Person, ...]

    @property
    def is_satisfied(self) -> bool:
        """Tell whether the approvals are enough."""
        return len(self.approvers) >= self.gate.rule.approvals_required


@dataclass(frozen=True, slots=True)
class Evaluation:
    """All gates of a request; without any the request needs no approval. `approvals` are those of members, which may count."""

    gates: tuple[GateEvaluation, ...]
    approvals: tuple[Approval, ...] = ()

    @property
    def is_satisfied(self) -> bool:
        """Tell whether every gate is satisfied."""
        return all(gate.is_satisfied for gate in self.gates)

    def status(self, stored: Status) -> Status:
        """Return the status of a request that was stored with another one, before gates or members changed."""
        if stored not in SUBMITTED:
            return stored
        return Status.READY if self.is_satisfied else Status.PENDING

    def describe_missing(self) -> str:
        """Return what is missing, for a message."""
        missing = [
            f"{one.gate.name} has {len(one.approvers)} of {one.gate.rule.approvals_required} approvals"
            for one in self.gates
            if not one.is_satisfied
        ]
        return ", ".join(missing)


def evaluate(
    gates: Iterable[Gate],
    latest: int,
    authors: frozenset[str],
    approvals: Iterable[Approval],
    candidates: Mapping[str, Candidate],
) -> Evaluation:
    """Return which approvals count for each gate.

    `candidates` has the approvers who are members of the organization now: the approval of one who left it does not count. Nor
    does that of an author, who made the request or one of its revisions, unless the gate allows it. A gate that requires
    approval of every change counts the approvals of the latest revision alone.
    """
    approvals = tuple(approvals)

    def counting(gate: Gate) -> tuple[Person, ...]:
        return tuple(
            approval.user
            for approval in approvals
            if (candidate := candidates.get(approval.user.id)) is not None
            and (gate.rule.allows_self_approval or approval.user.id not in authors)
            and (not gate.rule.requires_reapproval or approval.revision == latest)
            and gate.rule.is_eligible(candidate)
        )

    return Evaluation(tuple(GateEvaluation(gate, counting(gate)) for gate in gates), approvals)


def require_gate(name: str, rule: Rule, target: GateTarget) -> None:
    """Raise BadRequest for a gate that cannot be; whether its target and approvers exist is checked elsewhere."""
    if not name.strip() or len(name) > NAME_LIMIT:
        raise BadRequest(f"the name of a change gate has 1 to {NAME_LIMIT} characters")
    if not 1 <= rule.approvals_required <= APPROVALS_LIMIT:
        raise BadRequest(f"numApprovalsRequired must be from 1 to {APPROVALS_LIMIT}")
    if not 1 <= len(rule.approvers) <= APPROVERS_LIMIT:
        raise BadRequest(f"eligibleApprovers must have 1 to {APPROVERS_LIMIT} entries")
    if not target.actions:
        raise BadRequest("actionTypes must name an action, such as update")


def require_text(noun: str, text: str, limit: int) -> None:
    """Raise BadRequest for a text that is too long to keep."""
    if len(text) > limit:
        raise BadRequest(f"{noun} may have at most {limit:,} characters")
