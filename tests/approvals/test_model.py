"""Which approvals count for the gates of a request."""

import pytest

from common.approvals.model import (
    Action,
    Approval,
    Approver,
    ApproverKind,
    Candidate,
    Gate,
    GateTarget,
    Rule,
    Status,
    evaluate,
    require_gate,
)
from common.core.errors import BadRequest
from common.people.users.model import Person
from common.rights.permissions import Permission

TARGET = GateTarget("environment", "app/dev", (Action.UPDATE,))
ANN, BEN = (Person(login, login, login.title(), "", "") for login in ("ann", "ben"))
AUTHORS = frozenset({"kim"})
OPS = Approver(ApproverKind.TEAM, "ops")
WRITERS = Approver(ApproverKind.PERMISSION, "environment:write")


def gate(
    *approvers: Approver,
    number: int = 1,
    allows_self_approval: bool = False,
    requires_reapproval: bool = True,
    name: str = "gate",
) -> Gate:
    """Return an enabled gate."""
    return Gate(name, "org", name, True, TARGET, Rule(number, allows_self_approval, requires_reapproval, approvers))


def named(*logins: str) -> tuple[Approver, ...]:
    """Return users as approvers."""
    return tuple(Approver(ApproverKind.USER, login) for login in logins)


def counted(rule: Gate, *approvals: Approval, latest: int = 0, candidates: dict[str, Candidate] | None = None) -> list[str]:
    """Return the logins of those whose approvals count."""
    present = {approval.user.id: Candidate(approval.user.id, frozenset()) for approval in approvals}
    result = evaluate([rule], latest, AUTHORS, approvals, present if candidates is None else candidates)
    return [user.login for user in result.gates[0].approvers]


class TestEvaluate:
    def test_counts_each_approver(self) -> None:
        """A gate that needs two approvals is satisfied by two approvers."""
        rule = gate(*named("ann", "ben"), number=2)
        both = [Approval(ANN, 0), Approval(BEN, 0)]
        candidates = {user.id: Candidate(user.id, frozenset()) for user in (ANN, BEN)}

        assert not evaluate([rule], 0, AUTHORS, both[:1], candidates).is_satisfied
        assert evaluate([rule], 0, AUTHORS, both, candidates).is_satisfied
        assert "gate has 1 of 2 approvals" == evaluate([rule], 0, AUTHORS, both[:1], candidates).describe_missing()

    def test_counts_eligible_approvers_alone(self) -> None:
        """Users by id, members of teams, and who has a permission on the target."""
        approvals = [Approval(ANN, 0), Approval(BEN, 0)]
        candidates = {
            "ann": Candidate("ann", frozenset({"ops"})),
            "ben": Candidate("ben", frozenset(), frozenset({Permission.ENVIRONMENT_WRITE})),
        }

        assert ["ben"] == counted(gate(*named("ben")), *approvals)
        assert ["ann"] == counted(gate(OPS), *approvals, candidates=candidates)
        assert ["ben"] == counted(gate(WRITERS), *approvals, candidates=candidates)
        assert ["ann", "ben"] == counted(gate(OPS, WRITERS), *approvals, candidates=candidates)

    def test_leaves_authors_out(self) -> None:
        """An author counts only where the gate allows it."""
        kim = Approval(Person("kim", "kim", "", "", ""), 0)

        assert [] == counted(gate(*named("kim")), kim)
        assert ["kim"] == counted(gate(*named("kim"), allows_self_approval=True), kim)

    def test_leaves_approvals_of_older_revisions_out(self) -> None:
        """A change of the draft makes approvals lapse, unless the gate keeps them."""
        assert [] == counted(gate(*named("ann")), Approval(ANN, 0), latest=1)
        assert ["ann"] == counted(gate(*named("ann"), requires_reapproval=False), Approval(ANN, 0), latest=1)

    def test_leaves_former_members_out(self) -> None:
        """Who left the organization does not count any more."""
        assert [] == counted(gate(*named("ann")), Approval(ANN, 0), candidates={})

    def test_needs_every_gate(self) -> None:
        """Gates add up: one for all environments and one for this one must both be satisfied."""
        gates = [gate(*named("ann")), gate(*named("ben"), name="second")]
        candidates = {"ann": Candidate("ann", frozenset())}

        result = evaluate(gates, 0, AUTHORS, [Approval(ANN, 0)], candidates)
        assert [True, False] == [one.is_satisfied for one in result.gates]
        assert Status.PENDING is result.status(Status.READY)

    def test_is_satisfied_without_gates(self) -> None:
        """A request that no gate is about needs no approval."""
        result = evaluate([], 0, AUTHORS, [], {})

        assert [Status.READY, Status.DRAFT, Status.CLOSED] == [
            result.status(status) for status in (Status.PENDING, Status.DRAFT, Status.CLOSED)
        ]


@pytest.mark.parametrize(
    ("name", "number", "approvers", "actions"),
    [("", 1, 1, 1), ("x" * 101, 1, 1, 1), ("x", 0, 1, 1), ("x", 51, 1, 1), ("x", 1, 0, 1), ("x", 1, 101, 1), ("x", 1, 1, 0)],
)
def test_require_gate_refuses_what_cannot_be(name: str, number: int, approvers: int, actions: int) -> None:
    """A gate has a name, from one to fifty approvals, approvers and an action."""
    rule = Rule(number, False, True, tuple(named(*(str(number) for number in range(approvers)))))

    with pytest.raises(BadRequest):
        require_gate(name, rule, GateTarget("environment", "", (Action.UPDATE,) * actions))
