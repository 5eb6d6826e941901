import pytest

from common.rights import descriptor as d
from common.rights.predicate import ALWAYS, NEVER, All, Entity, EntityKind, HasTag, Is, Not, Some, both, either, holds, outcome

STACK = Entity(EntityKind.STACK, "s1", {"env": "prod"})
TRUE, FALSE = d.LiteralBool(value=True), d.LiteralBool(value=False)
# Asks about something that is not at hand while a stack is.
UNKNOWN = d.Equal(left=d.Team(), right=d.LiteralTeam(identity="t1"))
IS_S1 = d.Equal(left=d.Stack(), right=d.LiteralStack(identity="s1"))
IS_PROD = d.Equal(left=d.Tag(context=d.Stack(), key="env"), right=d.LiteralString(value="prod"))


def truth(condition: d.Boolean, entity: Entity = STACK) -> bool | None:
    """Return whether a condition holds for an entity, or None when it cannot be told."""
    where_true, where_false = outcome(condition, entity.kind)
    is_true, is_false = holds(where_true, entity), holds(where_false, entity)
    assert not (is_true and is_false)
    return True if is_true else False if is_false else None


class TestOutcome:
    @pytest.mark.parametrize(
        ("condition", "expected"),
        [
            (d.Equal(left=d.Stack(), right=d.LiteralStack(identity="s1")), True),
            (d.Equal(left=d.LiteralStack(identity="s1"), right=d.Stack()), True),
            (d.Equal(left=d.Stack(), right=d.LiteralStack(identity="s2")), False),
            (d.Equal(left=d.Stack(), right=d.LiteralEnvironment(identity="s1")), None),
            (d.Equal(left=d.Stack(), right=d.LiteralString(value="s1")), None),
            (d.Equal(left=d.LiteralStack(identity="a"), right=d.LiteralStack(identity="a")), True),
            (d.Equal(left=d.LiteralStack(identity="a"), right=d.LiteralStack(identity="b")), False),
            (d.Equal(left=d.LiteralStack(), right=d.LiteralStack(identity="")), True),
            (d.Equal(left=d.LiteralNumber(value=1), right=d.LiteralNumber(value=1.0)), True),
            (d.Equal(left=d.LiteralNumber(value=1), right=d.LiteralNumber(value=2)), False),
            (d.Equal(left=d.LiteralNumber(), right=d.LiteralNumber(value=0)), True),
            (d.Equal(left=d.LiteralString(value="a"), right=d.LiteralString(value="a")), True),
            (d.Equal(left=d.LiteralString(), right=d.LiteralString(value="a")), False),
            (d.Equal(left=d.LiteralNumber(value=1), right=d.LiteralString(value="1")), None),
            (d.Equal(left=TRUE, right=IS_S1), True),
            (d.Equal(left=IS_S1, right=FALSE), False),
            (d.Equal(left=UNKNOWN, right=TRUE), None),
            (IS_PROD, True),
            (d.Equal(left=d.Tag(context=d.Stack(), key="env"), right=d.LiteralString(value="Prod")), False),
            (d.Equal(left=d.Tag(context=d.Stack(), key="none"), right=d.LiteralString(value="prod")), False),
            (d.Equal(left=d.Tag(context=d.Environment(), key="env"), right=d.LiteralString(value="prod")), None),
            (d.In(target=d.Stack(), values=d.SetStack(identities=["s0", "s1"])), True),
            (d.In(target=d.Stack(), values=d.SetStack(identities=[])), False),
            (d.In(target=d.Stack(), values=d.SetStack()), False),
            (d.In(target=d.Stack(), values=d.SetTeam(identities=["s1"])), None),
            (d.In(target=d.Tag(context=d.Stack(), key="env"), values=d.SetString(values=["dev", "prod"])), True),
            (d.In(target=d.Tag(context=d.Stack(), key="env"), values=d.SetString()), False),
            (d.In(target=d.LiteralString(value="a"), values=d.SetString(values=["a"])), True),
            (d.In(target=d.LiteralStack(identity="a"), values=d.SetStack(identities=["a"])), True),
            (d.HasTag(context=d.Stack(), key="env"), True),
            (d.HasTag(context=d.Stack(), key="other"), False),
            (d.HasTag(context=d.InsightsAccount(), key="env"), None),
            (TRUE, True),
            (FALSE, False),
            (d.LiteralBool(), False),
        ],
    )
    def test_settles_each_comparison(self, condition: d.Boolean, *, expected: bool | None) -> None:
        """Each comparison holds, fails, or cannot be told; and a negation turns it round, except what cannot be told."""
        assert expected is truth(condition)
        assert (None if expected is None else not expected) is truth(d.Not(node=condition))

    @pytest.mark.parametrize(
        ("left", "right", "conjunction", "disjunction"),
        [
            (TRUE, TRUE, True, True),
            (TRUE, FALSE, False, True),
            (FALSE, TRUE, False, True),
            (FALSE, FALSE, False, False),
            (TRUE, UNKNOWN, None, True),
            (UNKNOWN, TRUE, None, True),
            (FALSE, UNKNOWN, False, None),
            (UNKNOWN, FALSE, False, None),
            (UNKNOWN, UNKNOWN, None, None),
        ],
    )
    def test_joins_what_cannot_be_told_as_kleene_does(
        self, left: d.Boolean, right: d.Boolean, *, conjunction: bool | None, disjunction: bool | None
    ) -> None:
        """Unknown and false is false, unknown or true is true, and the rest stays unknown."""
        assert conjunction is truth(d.And(left=left, right=right))
        assert disjunction is truth(d.Or(left=left, right=right))

    def test_knows_nothing_where_no_entity_is_at_hand(self) -> None:
        """In the organization itself only constants can be told."""
        assert (NEVER, NEVER) == outcome(IS_S1, None)
        assert (NEVER, NEVER) == outcome(d.Not(node=d.HasTag(context=d.Stack(), key="env")), None)
        assert (ALWAYS, NEVER) == outcome(d.Or(left=IS_S1, right=TRUE), None)

    @pytest.mark.parametrize(
        ("kind", "context", "literal"),
        [
            (EntityKind.ENVIRONMENT, d.Environment(), d.LiteralEnvironment(identity="x")),
            (EntityKind.ACCOUNT, d.InsightsAccount(), d.LiteralInsightsAccount(identity="x")),
            (EntityKind.TEAM, d.Team(), d.LiteralTeam(identity="x")),
        ],
    )
    def test_compares_other_kinds_of_things(self, kind: EntityKind, context: d.Context, literal: d.Literal) -> None:
        """Environments, accounts and teams are compared with ids of their own kind."""
        assert truth(d.Equal(left=context, right=literal), Entity(kind, "x"))
        assert truth(d.Equal(left=context, right=literal), Entity(kind, "y")) is False
        assert truth(d.Equal(left=context, right=literal)) is None


class TestSimplification:
    def test_drops_what_decides_nothing(self) -> None:
        """What always or never holds leaves no trace, and one part stands alone."""
        one = Is(frozenset({"a"}))

        assert (one, NEVER, ALWAYS) == (both([ALWAYS, one]), both([one, NEVER]), both([]))
        assert (one, ALWAYS, NEVER) == (either([NEVER, one]), either([one, ALWAYS]), either([]))
        assert All((one, Not(one))) == both([one, Not(one)])
        assert Some((one, Not(one))) == either([one, Not(one)])


class TestHolds:
    def test_takes_a_tag_with_any_value_or_one_of_several(self) -> None:
        """No values means any; an empty set means none."""
        assert holds(HasTag("env"), STACK)
        assert holds(HasTag("env", frozenset({"prod", "dev"})), STACK)
        assert not holds(HasTag("env", frozenset()), STACK)
        assert holds(Not(HasTag("zone")), STACK)
