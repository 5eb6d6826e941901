import pytest

from common.rights import descriptor as d
from common.rights.permissions import Permission
from common.rights.predicate import ALWAYS, NEVER, Entity, EntityKind, HasTag, Is, Not
from common.rights.rules import parse, permissions_on, where_granted

READ, WRITE, DELETE, CREATE = (
    Permission.STACK_READ,
    Permission.STACK_WRITE,
    Permission.STACK_DELETE,
    Permission.STACK_CREATE,
)
PROD = Entity(EntityKind.STACK, "s1", {"env": "prod"})
DEV = Entity(EntityKind.STACK, "s2", {"env": "dev"})
BARE = Entity(EntityKind.STACK, "s3")
ENV = d.Tag(context=d.Stack(), key="env")


def held(tree: d.Descriptor, entity: Entity | None) -> set[Permission]:
    """Return what a descriptor gives on an entity."""
    return set(permissions_on(tree, entity))


def allow(*permissions: Permission) -> d.Allow:
    """Return a leaf."""
    return d.Allow(permissions=list(permissions))


def has_tag(key: str) -> d.HasTag:
    """Return the condition that a stack has a tag."""
    return d.HasTag(context=d.Stack(), key=key)


class TestGranted:
    def test_joins_all_that_is_reached(self) -> None:
        """Nothing takes away: a group gives the union."""
        tree = d.Group(entries=[allow(READ), d.Group(entries=[allow(WRITE, READ)]), d.Group(), d.Allow()])

        assert {READ, WRITE} == held(tree, PROD) == held(tree, None)

    def test_gives_under_a_condition_only_where_it_holds(self) -> None:
        """A condition about a stack gives nothing in the organization itself."""
        tree = d.Group(
            entries=[
                allow(CREATE),
                d.Condition(condition=d.Equal(left=ENV, right=d.LiteralString(value="prod")), sub_node=allow(WRITE)),
            ]
        )

        assert {CREATE, WRITE} == held(tree, PROD)
        assert {CREATE} == held(tree, DEV) == held(tree, BARE) == held(tree, None)

    def test_takes_one_branch_or_none(self) -> None:
        """If a condition cannot be told, neither branch counts."""
        tree = d.IfThenElse(condition=has_tag("env"), sub_node_for_true=allow(WRITE), sub_node_for_false=allow(READ))

        assert ({WRITE}, {READ}, set()) == (held(tree, PROD), held(tree, BARE), held(tree, None))
        assert set() == held(tree, Entity(EntityKind.ENVIRONMENT, "e", {"env": "prod"}))
        assert {READ} == held(d.IfThenElse(condition=has_tag("env"), sub_node_for_false=allow(READ)), BARE)

    def test_selects_the_first_option_that_equals(self) -> None:
        """Later options count only where all before them fail."""
        options = [
            d.Option(value=d.LiteralString(value="prod"), node=allow(READ)),
            d.Option(value=d.LiteralString(value="prod"), node=allow(DELETE)),
            d.Option(value=d.LiteralString(value="dev"), node=allow(WRITE)),
        ]
        tree = d.Select(selector=ENV, options=options)

        assert ({READ}, {WRITE}, set()) == (held(tree, PROD), held(tree, DEV), held(tree, BARE))
        assert set() == held(d.Select(selector=ENV), PROD)

    def test_gives_nothing_after_an_option_that_cannot_be_told(self) -> None:
        """Whether an earlier option matched is not known, so no later one is taken by accident."""
        options = [
            d.Option(value=d.LiteralTeam(identity="t"), node=allow(READ)),
            d.Option(value=d.LiteralString(value="prod"), node=allow(WRITE)),
        ]

        assert set() == held(d.Select(selector=ENV, options=options), PROD)

    def test_gives_nothing_for_an_unresolved_reference(self) -> None:
        """A reference that was not resolved gives no permission."""
        assert set() == held(d.Compose(permission_descriptors=["x"]), PROD)

    def test_nests_conditions(self) -> None:
        """An inner condition counts only within the outer one."""
        inner = d.Condition(condition=d.Not(node=has_tag("zone")), sub_node=allow(WRITE))
        tree = d.Condition(condition=has_tag("env"), sub_node=inner)

        assert {WRITE} == held(tree, PROD)
        assert set() == held(tree, BARE) == held(tree, Entity(EntityKind.STACK, "s", {"env": "x", "zone": "y"}))


class TestWhereGranted:
    def test_says_always_and_never_as_such(self) -> None:
        """A list that everything or nothing is in needs no condition per row."""
        tree = d.Group(entries=[allow(READ), d.Condition(condition=has_tag("env"), sub_node=allow(WRITE, READ))])

        assert ALWAYS == where_granted(tree, frozenset({READ}), EntityKind.STACK)
        assert NEVER == where_granted(tree, frozenset({DELETE}), EntityKind.STACK)
        assert HasTag("env") == where_granted(tree, frozenset({WRITE}), EntityKind.STACK)
        assert NEVER == where_granted(tree, frozenset({WRITE}), EntityKind.TEAM)

    def test_keeps_both_branches_apart(self) -> None:
        """The other branch counts where the condition fails."""
        is_one = d.Equal(left=d.Stack(), right=d.LiteralStack(identity="s1"))
        tree = d.IfThenElse(condition=is_one, sub_node_for_true=allow(WRITE), sub_node_for_false=allow(READ))
        one = Is(frozenset({"s1"}))

        assert (one, Not(one)) == tuple(where_granted(tree, frozenset({wanted}), EntityKind.STACK) for wanted in (WRITE, READ))


class TestParsed:
    @pytest.mark.parametrize("tree", [allow(READ), d.Group(entries=[d.Condition(condition=has_tag("a"), sub_node=allow(READ))])])
    def test_reads_what_was_written(self, tree: d.Descriptor) -> None:
        """A stored text comes back as the same value."""
        assert tree == parse(d.encode(tree))
