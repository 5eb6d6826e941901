"""A list in SQL and the decision on one stack are the same rule, for any role and any stacks."""

from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from common.backend import Backend
from common.db.tables.access import stack_grants
from common.db.tables.stacks import stacks
from common.rights import descriptor as d
from common.rights.caller import Caller
from common.rights.membership import StackScope
from common.rights.permissions import Permission, StackLevel
from common.rights.predicate import ALWAYS, NEVER, Entity, EntityKind, Is
from common.rights.rules import parse, permissions_on, where_granted
from common.stacks.repository.visibility import in_scopes, matches
from tests.factories.stacks import make_stack

EXAMPLES = 250
PERMISSIONS = [Permission.STACK_READ, Permission.STACK_WRITE]
NAMES = ["env", "Env", "team:owner"]
# What two databases could take for the same: case, blanks at the end, accents, letters beyond the basic plane.
VALUES = ["prod", "Prod", "prod ", "", "café", "cafe", "%", "_", "'", "\\", "🦉"]
TAGS: list[dict[str, str]] = [
    {},
    *({"env": value} for value in VALUES),
    {"Env": "prod"},
    {"env": "prod", "team:owner": "cafe"},
    {"team:owner": "🦉"},
]


def trees(ids: list[str]) -> st.SearchStrategy[d.Descriptor]:
    """Return a strategy of descriptors about stacks of those ids, and about things that are not at hand."""
    identity = st.sampled_from([*ids[:4], "nothing"])
    text = st.builds(d.LiteralString, value=st.sampled_from([*VALUES, None]))
    context: st.SearchStrategy[d.Context] = st.sampled_from([d.Stack(), d.Stack(), d.Stack(), d.Environment(), d.Team()])
    tag = st.builds(d.Tag, context=context, key=st.sampled_from(NAMES))
    stack, team = st.builds(d.LiteralStack, identity=identity), st.builds(d.LiteralTeam, identity=identity)
    number = st.builds(d.LiteralNumber, value=st.sampled_from([0.0, 1.0, None]))
    boolean = st.builds(d.LiteralBool, value=st.sampled_from([True, False, None]))
    identities = st.lists(identity, max_size=4)
    own_tag = st.builds(d.Tag, context=st.just(d.Stack()), key=st.sampled_from(NAMES))
    texts = st.builds(d.SetString, values=st.lists(st.sampled_from(VALUES), min_size=2, max_size=6))
    several: st.SearchStrategy[d.SetExpression] = st.one_of(
        st.builds(d.SetStack, identities=identities),
        st.builds(d.SetTeam, identities=identities),
        st.builds(d.SetString, values=st.lists(st.sampled_from(VALUES), max_size=3)),
    )
    value: st.SearchStrategy[d.Expression] = st.one_of(tag, context, text, stack, team, number, boolean)
    condition: st.SearchStrategy[d.Boolean] = st.recursive(
        st.one_of(
            # What decides something about a stack, and then anything that the grammar allows.
            st.builds(d.Equal, left=own_tag, right=text),
            st.builds(d.In, target=own_tag, values=texts),
            st.builds(d.HasTag, context=st.just(d.Stack()), key=st.sampled_from(NAMES)),
            st.builds(d.In, target=st.just(d.Stack()), values=st.builds(d.SetStack, identities=identities)),
            st.builds(d.Equal, left=stack, right=st.just(d.Stack())),
            boolean,
            st.builds(d.Equal, left=value, right=value),
            st.builds(d.In, target=value, values=several),
            st.builds(d.HasTag, context=context, key=st.sampled_from(NAMES)),
        ),
        lambda inner: st.one_of(
            st.builds(d.And, left=inner, right=inner),
            st.builds(d.Or, left=inner, right=inner),
            st.builds(d.Not, node=inner),
            st.builds(d.Equal, left=inner, right=inner),
        ),
        max_leaves=6,
    )
    leaf = st.builds(d.Allow, permissions=st.sampled_from([PERMISSIONS, PERMISSIONS[:1]]))
    return st.recursive(
        st.builds(d.Condition, condition=condition, sub_node=leaf),
        lambda inner: st.one_of(
            st.builds(d.Group, entries=st.lists(inner, max_size=3)),
            st.builds(d.Condition, condition=condition, sub_node=st.one_of(inner, leaf)),
            st.builds(d.IfThenElse, condition=condition, sub_node_for_true=inner, sub_node_for_false=inner),
            st.builds(d.Select, selector=own_tag, options=st.lists(st.builds(d.Option, value=text, node=inner), max_size=3)),
            st.builds(d.Select, selector=value, options=st.lists(st.builds(d.Option, value=value, node=inner), max_size=3)),
        ),
        max_leaves=8,
    )


def make_stacks(backend: Backend, admin: Caller) -> list[Entity]:
    """Create a stack for each set of tags and returns them as rules see them."""
    for number, tags in enumerate(TAGS):
        make_stack(backend, admin, f"s{number:02}", tags=tags)
    with backend.db.connect() as connection:
        ids = connection.scalars(select(stacks.c.id).order_by(stacks.c.name)).all()
    return [Entity(EntityKind.STACK, stack_id, tags) for stack_id, tags in zip(ids, TAGS, strict=True)]


class TestMatches:
    def test_selects_exactly_the_stacks_on_which_the_permission_is_granted(self, backend: Backend, admin: Caller) -> None:
        """For any descriptor, tags and permission, SQL and the evaluation of one stack agree; so does the stored text."""
        entities = make_stacks(backend, admin)
        seen = {"some": 0, "none": 0}

        @settings(max_examples=EXAMPLES, deadline=None)
        @given(trees([entity.id for entity in entities]), st.sampled_from([PERMISSIONS[0], *PERMISSIONS]))
        def agree(tree: d.Descriptor, wanted: Permission) -> None:
            stored = parse(d.encode(tree))
            assert stored == tree
            expected = {entity.id for entity in entities if wanted in permissions_on(tree, entity)}
            predicate = where_granted(stored, frozenset({wanted}), EntityKind.STACK)
            with backend.db.connect() as connection:
                found = connection.scalars(select(stacks.c.id).where(matches(predicate))).all()
            assert expected == set(found)
            assert len(expected) == len(found)
            seen["some" if 0 < len(expected) < len(entities) else "none"] += 1

        agree()
        assert seen["some"] > EXAMPLES // 20, "the descriptors are too plain to show anything"


class TestInScopes:
    def test_adds_what_was_made_and_what_was_given(self, backend: Backend, admin: Caller) -> None:
        """Beside the rule, the creator's own stacks are in, and those that a principal was given; nothing of others is."""
        first, second, *_ = make_stacks(backend, admin)
        org_id = admin.memberships[0].org_id if admin.memberships[0].login == "acme" else admin.memberships[1].org_id
        with backend.db.begin() as tx:
            tx.execute(
                stack_grants.insert().values(
                    stack_id=second.id, principal_id="team", is_team=True, permission=StackLevel.READ, set_id=None, created_at=1
                )
            )
        by_rule = Is(frozenset({first.id}))

        def seen(*scopes: StackScope) -> set[str]:
            with backend.db.connect() as connection:
                return set(connection.scalars(select(stacks.c.id).where(in_scopes(scopes))))

        assert {first.id} == seen(StackScope(org_id, by_rule, "unknown"))
        assert {first.id, second.id} == seen(StackScope(org_id, by_rule, "unknown", ("other", "team")))
        assert {second.id} == seen(StackScope(org_id, NEVER, "unknown", ("team",)))
        assert (
            len(TAGS) == len(seen(StackScope(org_id, NEVER, admin.user_id))) == len(seen(StackScope(org_id, ALWAYS, "unknown")))
        )
        assert set() == seen(StackScope(org_id, NEVER, "unknown")) == seen() == seen(StackScope("other", ALWAYS, "unknown"))
